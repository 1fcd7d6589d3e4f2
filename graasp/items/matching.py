"""How items match keywords; `i` is the item, `:words` and `:patterns` are the search."""

# Words: every one of them, in the item's language, in English, in the caller's, or as written. Parts: any of them,
# in the name. The documents' ids are found first, through their indexes.
MATCHES = """(
    cast(:words as text) is null
    or i.name ilike any(cast(:patterns as text[]))
    or i.id = any(array(
        select s.id from item s
        where s.deleted_at is null and (
            item_search_document('simple'::regconfig, s.name, s.description, s.extra)
                @@ plainto_tsquery('simple'::regconfig, :words)
            or item_search_document('english'::regconfig, s.name, s.description, s.extra)
                @@ plainto_tsquery('english'::regconfig, :words)
            or item_search_document(item_search_config(s.lang), s.name, s.description, s.extra)
                @@ (plainto_tsquery('german'::regconfig, :words) || plainto_tsquery('spanish'::regconfig, :words)
                    || plainto_tsquery('french'::regconfig, :words) || plainto_tsquery('italian'::regconfig, :words))
        )
    ))
)"""
