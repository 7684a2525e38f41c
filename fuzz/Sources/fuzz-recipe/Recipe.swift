import FuzzSupport
@testable import SluiceFormats
@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceRecipe

/// A recipe, as YAML or JSON.
///
/// What can be read and would be merged is written out with everything said, and that reads as the
/// same recipe.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRecipe(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    let recipe = try parse(text)
    _ = recipe.facts
    try RecipeCheck.check(recipe)
    let resolved = recipe.resolvedText()
    let again: MergeRecipe
    do { again = try parse(resolved) } catch { fatalError("\(error)\n\(resolved)") }
    precondition(again.resolvedText() == resolved, "\(resolved)\n\(again.resolvedText())")
    precondition(again.fingerprint == recipe.fingerprint, resolved)
    precondition(again.models.map(\.name) == recipe.models.map(\.name), resolved)
  }
}

private func parse(_ text: String) throws -> MergeRecipe {
  try RecipeFile.parse(text, directory: "/nowhere", options: RunOptions(threads: 1)).recipe
}
