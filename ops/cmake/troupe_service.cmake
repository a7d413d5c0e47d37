# troupe_service(NAME SCHEMAS files... SOURCES files... [CALLS schemas...]):
# compiles schemas into the build tree and links one actor.
