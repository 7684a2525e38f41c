/// The commit that the program was built from, as C text; `sluice_commit` finds it where this module is linked.
///
/// Nothing imports this module: a new commit compiles these lines, and links.
@_cdecl("sluice_built_from")
public func builtFrom() -> UnsafePointer<CChar> {
  // SAFETY: a static text is never moved or freed, and ends with a zero.
  unsafe UnsafeRawPointer(commit.utf8Start).assumingMemoryBound(to: CChar.self)
}
