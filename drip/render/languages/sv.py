"""Swedish, which addresses the reader as *du*."""

from __future__ import annotations

from drip.render.words import Notice, PageWords, Words

WORDS = Words(
    language="sv",
    locale="sv_SE",
    progress="{number} av {of}",
    why="Du får det här för att du går kursen ”{course}” hos {sender}.",
    unsubscribe="Avsluta prenumerationen",
    source="Källa: {source}",
    watch="Se filmen: {what}",
    minutes="{minutes} min",
    captions="textad",
    choose="Öppna länken vid ditt svar:",
    earlier="Från tidigare tips",
    recap_subject="Minns du fortfarande?",
    recap_text="Något från tidigare tips. Svara ur minnet innan du slår upp det: det är när du själv letar fram det "
    "som det fastnar.",
    rate="Öppna länken vid ditt betyg:",
    ends="{low} = {low_means}, {high} = {high_means}",
    nps=("inte alls troligt", "mycket troligt"),
    csat=("mycket missnöjd", "mycket nöjd"),
    scale=("lägst", "högst"),
    pages=PageWords(
        how_sure="Hur säker är du?",
        press_sends="När du trycker på en av dem skickas ditt svar.",
        sure=("Jag gissade", "Ganska säker", "Helt säker"),
        answering_as="Du svarar som {address}",
        right="Det stämmer",
        wrong="Inte riktigt",
        you_chose="Du valde",
        right_answer="Rätt svar",
        guessed_right="Bra gissat. Läs förklaringen en gång till, så vet du nästa gång.",
        certain_wrong="Du var helt säker. Just sådana misstag minns man bäst, när de väl har rättats.",
        first_counts="Du har svarat på den här frågan förut, och det är ditt första svar som räknas.",
        next_at="Nästa tips kommer {when}.",
        next_questions_at="Nästa frågor kommer {when}.",
        next_now="Nästa tips är på väg.",
        next_unknown="Nästa tips kommer i ett mejl när det är dags. Du kan stänga sidan.",
        finished="Det var det sista tipset i ”{course}”. Bra jobbat.",
        paused="”{course}” är pausad för dig, så inget tips är planerat.",
        gone="Du har avslutat prenumerationen, så det kommer inga fler tips.",
        rate="Skicka ditt betyg",
        rated="Tack",
        your_rating="Ditt betyg är {rating}, på en skala från {low} till {high}.",
        first_rating_counts="Du har satt betyg här förut, och det är ditt första betyg som räknas.",
        leave_ask="Vill du sluta få mejl från {sender}?",
        leave_means="Inga fler mejl skickas till {address}, oavsett kurs.",
        leave="Avsluta prenumerationen",
        leave_mistake="Hamnade du här av misstag? Stäng sidan, så ändras ingenting.",
        left="Du har avslutat prenumerationen",
        left_means="{sender} skickar inga fler mejl till {address}. Ett som redan är på väg kan ändå komma fram.",
        left_before="Du hade redan avslutat prenumerationen, och det gäller fortfarande. "
        "{sender} skickar inga mejl till {address}.",
        left_short="Du har avslutat prenumerationen. Du får inga fler mejl.",
        nameless_sender="avsändaren",
        leave_course_ask="Vill du lämna ”{course}”?",
        leave_course_means="Inga fler mejl från den här kursen skickas till {address}. "
        "Andra kurser från {sender} fortsätter.",
        left_course_means="Inga fler mejl från ”{course}” skickas till {address}. "
        "Ett som redan är på väg kan ändå komma fram.",
        left_course_before="Du hade redan avslutat prenumerationen, och det gäller fortfarande. "
        "Inga mejl från ”{course}” skickas till {address}.",
        test=Notice(
            title="Det här är ett provmejl",
            text="Inget sparas och inget ändras. I ett riktigt mejl fungerar länken för den som har fått det.",
        ),
        expired=Notice(
            title="Länken har gått ut",
            text="Du kan svara i 30 dagar efter att ett mejl har skickats. Inget har sparats.",
        ),
        missing=Notice(
            title="Länken fungerar inte",
            text="Den kan ha kortats av på vägen, eller så finns inte mejlet kvar som den kom från. "
            "Öppna mejlet igen och tryck på länken där.",
        ),
        refused=Notice(
            title="Det gick inte fram",
            text="Inget har sparats. Öppna länken i ditt mejl igen och tryck en gång till.",
        ),
        trouble=Notice(
            title="Det fungerar inte just nu",
            text="Felet ligger hos oss, inte i ditt mejl. Prova samma länk igen om några minuter.",
        ),
        on_day="{day}",
        today="i dag",
        tomorrow="i morgon",
        at="{day} kl. {time}",
    ),
)
