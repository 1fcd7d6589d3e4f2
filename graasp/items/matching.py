"""How items match keywords; `i` is the item, `:words`, `:patterns` and `:reader_lang` are the search."""


def _own_language(lang: str, config: str) -> str:
    return f"""(s.lang = '{lang}' and item_search_document(item_search_config(s.lang), s.name, s.description, s.extra)
                @@ plainto_tsquery('{config}'::regconfig, :words))"""


_OWN_LANGUAGES = " or ".join(
    _own_language(lang, config)
    for lang, config in (("de", "german"), ("es", "spanish"), ("fr", "french"), ("it", "italian"))
)
_READERS = "item_search_config(cast(:reader_lang as text))"

# Words: every one of them, as written, in English, in the item's language, or in the reader's. Parts: any of them, in
# the name. The ids of most documents are found first, through their indexes. There is none for items in one language
# read in another: of those, only the ones that are looked among anyhow are read.
MATCHES = f"""(
    cast(:words as text) is null
    or i.name ilike any(cast(:patterns as text[]))
    or i.id = any(array(
        select s.id from item s
        where s.deleted_at is null and (
            item_search_document('simple'::regconfig, s.name, s.description, s.extra)
                @@ plainto_tsquery('simple'::regconfig, :words)
            or item_search_document('english'::regconfig, s.name, s.description, s.extra)
                @@ plainto_tsquery('english'::regconfig, :words)
            or {_OWN_LANGUAGES}
        )
    ))
    or ({_READERS} not in ('english'::regconfig, item_search_config(i.lang))
        and item_search_document({_READERS}, i.name, i.description, i.extra)
            @@ plainto_tsquery({_READERS}, :words))
)"""
