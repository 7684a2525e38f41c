internal import ArgumentParser
internal import SluiceCore
internal import SluiceRecipe

/// What is seen of the command line before it is parsed.
enum CommandLineCheck {
  /// The arguments of this process, without its name.
  ///
  /// Swift reads them from `/proc`; where that is not mounted there is not even a name.
  static func arguments(_ all: [String] = CommandLine.arguments) throws -> [String] {
    guard !all.isEmpty else {
      throw UsageError(
        Failure(
          .internal, message: "the command line cannot be read",
          remedy: "Mount /proc: sluice reads its arguments from /proc/self/cmdline."))
    }
    let arguments = Array(all.dropFirst())
    try checkCommand(arguments)
    return arguments == ["-V"] ? ["--version"] : arguments
  }

  /// Says which command was meant, if there is none of the name.
  private static func checkCommand(_ arguments: [String]) throws {
    let names = SluiceCommand.configuration.subcommands.compactMap {
      $0.configuration.commandName
    }
    let isHelp = arguments.first == "help"
    guard let name = isHelp ? arguments.dropFirst().first : arguments.first,
      !name.hasPrefix("-"), !names.contains(name), isHelp || name != "help"
    else { return }
    throw UsageError(
      "there is no command \(name.printable)", remedy: ClosestWord.remedy(for: name, among: names))
  }
}
