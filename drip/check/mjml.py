"""MJML's tags: which attributes each has, and what may stand in it.

The facts are those of MJML 4.18 and 5.4 together (its documentation, and what its own validator accepts): what either
of them knows is known here.
"""

from __future__ import annotations

from collections.abc import Mapping


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Attributes that every tag of a body takes.
EVERYWHERE = _names("css-class mj-class")

_PADDING = _names("padding padding-top padding-right padding-bottom padding-left")
_BORDER = _names("border border-top border-right border-bottom border-left")
_FONT = _names("font-family font-size font-style font-weight")
_GROUND = _names(
    "background-color background-position background-position-x background-position-y background-repeat "
    "background-size background-url"
)
_ICON = _names(
    "icon-align icon-height icon-position icon-unwrapped-alt icon-unwrapped-url icon-width icon-wrapped-alt "
    "icon-wrapped-url"
)

#: Tag → its attributes.
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "mj-accordion": _names("border container-background-color font-family") | _PADDING | _ICON,
    "mj-accordion-element": _names("background-color border font-family") | _ICON,
    "mj-accordion-text": _names("background-color color font-family font-size font-weight letter-spacing line-height")
    | _PADDING,
    "mj-accordion-title": _names("background-color color font-family font-size font-weight") | _PADDING,
    "mj-attributes": _names(""),
    "mj-body": _names("background-color id width"),
    "mj-breakpoint": _names("width"),
    "mj-button": _names(
        "align background-color border-radius color container-background-color height href inner-padding "
        "letter-spacing line-height name rel target text-align text-decoration text-transform title "
        "vertical-align width"
    )
    | _PADDING
    | _BORDER
    | _FONT,
    "mj-carousel": _names(
        "align border-radius container-background-color icon-width left-icon right-icon tb-border "
        "tb-border-radius tb-hover-border-color tb-selected-border-color tb-width thumbnails"
    )
    | _PADDING,
    "mj-carousel-image": _names(
        "alt border-radius href rel src target tb-border tb-border-radius thumbnails-src title"
    ),
    "mj-column": _names(
        "background-color border-radius direction inner-background-color inner-border inner-border-bottom "
        "inner-border-left inner-border-radius inner-border-right inner-border-top vertical-align width"
    )
    | _PADDING
    | _BORDER,
    "mj-divider": _names("align border-color border-style border-width container-background-color width") | _PADDING,
    "mj-font": _names("href name"),
    "mj-group": _names("background-color direction vertical-align width"),
    "mj-head": _names(""),
    "mj-hero": _names(
        "background-color background-height background-position background-url background-width border-radius "
        "container-background-color height inner-background-color inner-padding inner-padding-bottom "
        "inner-padding-left inner-padding-right inner-padding-top mode vertical-align"
    )
    | _PADDING,
    "mj-html-attribute": _names("name"),
    "mj-html-attributes": _names(""),
    "mj-image": _names(
        "align alt border-radius container-background-color fluid-on-mobile font-size height href max-height "
        "name rel sizes src srcset target title usemap width"
    )
    | _PADDING
    | _BORDER,
    "mj-navbar": _names(
        "align base-url hamburger ico-align ico-close ico-color ico-font-family ico-font-size ico-line-height "
        "ico-open ico-padding ico-padding-bottom ico-padding-left ico-padding-right ico-padding-top "
        "ico-text-decoration ico-text-transform"
    )
    | _PADDING,
    "mj-navbar-link": _names("color href letter-spacing line-height name rel target text-decoration text-transform")
    | _PADDING
    | _FONT,
    "mj-preview": _names(""),
    "mj-raw": _names("position"),
    "mj-section": _names("border-radius direction full-width gutter text-align text-padding")
    | _PADDING
    | _BORDER
    | _GROUND,
    "mj-selector": _names("path"),
    "mj-social": _names(
        "align border border-radius color container-background-color icon-height icon-padding icon-size "
        "inner-padding line-height mode table-layout text-decoration text-padding vertical-align"
    )
    | _PADDING
    | _FONT,
    "mj-social-element": _names(
        "align alt background-color border border-radius color href icon-height icon-padding icon-position "
        "icon-size line-height name rel sizes src srcset target text-decoration text-padding title "
        "vertical-align"
    )
    | _PADDING
    | _FONT,
    "mj-spacer": _names("container-background-color height") | _PADDING | _BORDER,
    "mj-style": _names("inline"),
    "mj-table": _names(
        "align border cellpadding cellspacing color container-background-color font-family font-size "
        "font-weight line-height role table-layout vertical-align width"
    )
    | _PADDING,
    "mj-text": _names(
        "align background-color color container-background-color height letter-spacing line-height "
        "text-decoration text-transform vertical-align"
    )
    | _PADDING
    | _FONT,
    "mj-title": _names(""),
    "mj-wrapper": _names("border-radius direction full-width gap gutter text-align text-padding")
    | _PADDING
    | _BORDER
    | _GROUND,
    "mjml": _names("dir lang owa"),
}
#: Any attribute of any tag: what `mj-all` and `mj-class` may set.
ANY_ATTRIBUTE = frozenset[str]().union(*ATTRIBUTES.values())

_CONTENT = _names(
    "mj-accordion mj-button mj-carousel mj-divider mj-image mj-navbar mj-raw mj-social mj-spacer mj-table mj-text"
)
#: Tag → the tags that may stand directly in it. Those without an entry hold text or HTML, or nothing.
INSIDE: Mapping[str, frozenset[str]] = {
    "mj-accordion": _names("mj-accordion-element mj-raw"),
    "mj-accordion-element": _names("mj-accordion-text mj-accordion-title mj-raw"),
    "mj-body": _names("mj-hero mj-raw mj-section mj-wrapper"),
    "mj-carousel": _names("mj-carousel-image"),
    "mj-column": _CONTENT,
    "mj-group": _names("mj-column mj-raw"),
    "mj-head": _names("mj-attributes mj-breakpoint mj-font mj-html-attributes mj-preview mj-raw mj-style mj-title"),
    "mj-hero": _CONTENT,
    "mj-html-attributes": _names("mj-selector"),
    "mj-navbar": _names("mj-navbar-link mj-raw"),
    "mj-section": _names("mj-column mj-group mj-raw"),
    "mj-selector": _names("mj-html-attribute"),
    "mj-social": _names("mj-raw mj-social-element"),
    "mj-wrapper": _names("mj-hero mj-raw mj-section"),
    "mjml": _names("mj-body mj-head mj-raw"),
}
#: Tags that hold text or HTML.
FREE = _names(
    "mj-accordion-text mj-accordion-title mj-breakpoint mj-button mj-carousel-image mj-html-attribute "
    "mj-navbar-link mj-preview mj-raw mj-social-element mj-style mj-table mj-text mj-title"
)
