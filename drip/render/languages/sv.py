"""Swedish, which addresses the reader as *du*."""

from __future__ import annotations

from drip.render.door_words import BackWords, CertificateWords, SubscribeWords
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
    back=BackWords(
        mistake="Blev det fel? I 24 timmar kan du ångra dig här, och allt blir som förut.",
        undo="Ångra: stanna kvar",
        ask="Vill du ångra att du avslutade?",
        back="Du är tillbaka",
        back_means="{sender} skickar mejl till {address} igen, och dina kurser fortsätter där du var.",
        back_course_means="”{course}” kommer till {address} igen, och fortsätter där du var.",
        expired=Notice(
            title="Det är för länge sedan",
            text="Du kan ångra dig i 24 timmar. Du har avslutat, och inget skickas till dig. "
            "Om du vill ha en kurs igen får du anmäla dig på nytt.",
        ),
        former_means="Allt vi visste om dig är raderat. Det här ser till att adressen som mejlet gick till inte får "
        "något mer från {sender}.",
        former_left="{sender} skickar inget mer till adressen som det här mejlet gick till.",
    ),
    subscribe=SubscribeWords(
        ask="Få ”{course}” som mejl",
        ask_means="Skriv vart den ska skickas. Du får ett mejl som frågar om det var du, och sedan börjar kursen.",
        email="Din mejladress",
        first_name="Ditt förnamn",
        optional="(kan utelämnas)",
        language="Språk",
        send="Anmäl mig",
        leave_empty="Lämna det här tomt",
        email_wrong="Inget mejl når fram till den här adressen. Titta en gång till: den skrivs som anna@example.com.",
        name_wrong="Det här namnet går inte att använda. Skriv ett kortare, eller utelämna det.",
        press_again="Inget har skickats ännu. Titta igenom uppgifterna och tryck på knappen.",
        busy=Notice(
            title="För många på en gång",
            text="Väldigt många anmäler sig just nu, och inget av det du skrev har sparats. Försök igen om en timme.",
        ),
        asked="Titta nu i din inkorg",
        asked_means="Om mejl får skickas till {address} är ett på väg. Tryck på knappen i det, så börjar kursen.",
        asked_nothing="Kom det inget efter några minuter? Titta bland skräpposten. Du kan försöka igen om en timme.",
        mail_subject="Var det du som anmälde dig till ”{course}”?",
        mail_title="Var det du?",
        mail_text="Någon har bett {sender} att skicka kursen ”{course}” till den här adressen. "
        "Om det var du, tryck på knappen, så börjar den.",
        mail_button="Ja, jag vill ha kursen",
        mail_not_you="Om det inte var du behöver du inte göra något. Inga fler mejl kommer, och din adress raderas "
        "efter 7 dagar.",
        confirm_ask="Vill du börja ”{course}”?",
        confirm_means="{sender} skickar då kursen till {address}. Du kan avsluta med ett tryck i varje mejl.",
        confirm="Börja kursen",
        confirm_mistake="Var det inte du? Stäng sidan, så skickas inget.",
        joined="Du är med",
        joined_means="”{course}” kommer till {address}.",
        had=Notice(
            title="Du har redan gått kursen",
            text="Den har kommit till dig förut, från början till slut, och skickas inte en gång till.",
        ),
        closed=Notice(
            title="Kursen kan inte börja för dig",
            text="Den är avsedd för andra, eller så får inget mejl skickas till din adress. Svara på mejlet som du kom "
            "ifrån, så ser en människa på det.",
        ),
        expired=Notice(
            title="Länken har gått ut",
            text="En anmälan bekräftas inom 7 dagar, och den här har raderats. Anmäl dig en gång till.",
        ),
    ),
    certificate=CertificateWords(
        title="Intyg",
        given_to="{sender} intygar att",
        for_course="har gått igenom kursen",
        date="den {date}",
        learned="Det här ingick",
        skills="Färdigheter",
        score="Frågor: {correct} av {answered} rätt vid första svaret",
        check="Om intyget är äkta kan kontrolleras på",
        genuine="Intyget är äkta",
        genuine_means="{sender} gav det till {name}, som gick igenom ”{course}” den {date}.",
        gone=Notice(
            title="Intyget gäller inte längre",
            text="Det har dragits tillbaka, eller så har uppgifterna om innehavaren raderats på dennes begäran.",
        ),
    ),
)
