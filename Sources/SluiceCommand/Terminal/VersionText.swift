internal import CSluiceSystem
internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceRecipe
internal import SluiceSolvers

/// What `sluice --version` says: what somebody who looks into a report of a defect needs to know.
enum VersionText {
  /// For example `sluice 0.1.0`, and what it was built from and runs on.
  static var text: String {
    // SAFETY: a text that is part of the program.
    let commit = unsafe String(cString: sluice_commit())
    let libraries = FormatLibraries.versions + RecipeLibraries.versions + SolverLibraries.versions
    var lines = ["sluice \(SluiceVersion.current)"]
    if !commit.isEmpty { lines[0] += " (\(commit))" }
    lines.append("vector units: \(VectorLevel.best.name)")
    lines.append(
      "libraries: " + libraries.map { "\($0.name) \($0.version)" }.joined(separator: ", "))
    return lines.joined(separator: "\n")
  }
}
