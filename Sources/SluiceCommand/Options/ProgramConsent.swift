internal import Glibc
internal import SluiceCore
internal import SluiceRecipe
internal import SluiceStages

/// Whether the programs of a recipe may be run.
///
/// Recipes are passed around, and whose a file is cannot be seen from it: what was downloaded belongs
/// to the user as well. So no recipe runs a program by itself; the user says so each time, with an option
/// or at the terminal.
enum ProgramConsent {
  /// Names the programs, and asks if need be.
  static func ask(for recipe: MergeRecipe, isAllowed: Bool, isQuiet: Bool) throws {
    let commands = recipe.programs
    guard !commands.isEmpty else { return }
    if !isQuiet || !isAllowed {
      for command in commands {
        StandardError.writeLine("program", .label, command.joined(separator: " "))
      }
    }
    guard !isAllowed else { return }
    if isatty(STDIN_FILENO) == 1, StandardError.isTerminal {
      StandardError.write("The recipe runs what is named above, as you. Run it? [y/N] ")
      if ["y", "yes"].contains(readLine()?.lowercased()) { return }
    }
    throw UsageError(
      "the recipe runs \(commands.count == 1 ? "a program" : "\(commands.count) programs"), and that was not allowed",
      remedy: "Give --allow-exec if you trust the recipe and what it names.")
  }
}

extension MergeRecipe {
  /// The command lines of all programs that the recipe runs.
  var programs: [[String]] {
    let transforms = stages.transforms.compactMap { ($0.transform.stage as? ExecTransform)?.spec }
    let merging = (stages.merging?.stage as? ExecOperator)?.spec
    return (transforms + [merging].compactMap(\.self)).map(\.command)
  }
}
