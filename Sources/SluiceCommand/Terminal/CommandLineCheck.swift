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

  /// What is wrong if an option is given that the command does not have; nil if there is none.
  ///
  /// The parser looks first for what is missing, and a mistyped `--base` is missing.
  static func unknownOption(_ arguments: [String]) -> Failure? {
    let command = SluiceCommand.configuration.subcommands.first {
      $0.configuration.commandName == arguments.first
    }
    guard let command, let name = command.configuration.commandName else { return nil }
    let known = options(of: command)
    let given = arguments.dropFirst().prefix { $0 != "--" }.filter { $0.hasPrefix("--") }
      .map { String($0.prefix { $0 != "=" }) }
    guard let unknown = given.first(where: { !known.contains($0) }) else { return nil }
    let meant = ClosestWord.to(unknown, among: known).map { "Did you mean \($0)?" }
    return Failure(
      .usage, message: "there is no option \(unknown.printable)",
      remedy: meant ?? "See 'sluice \(name) --help' for more information.")
  }

  /// The long options that the help of a command names.
  private static func options(of command: any ParsableCommand.Type) -> [String] {
    let help = SluiceCommand.helpMessage(for: command, includeHidden: true, columns: 1000)
    let words = help.split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-")) }
    return words.filter { $0.hasPrefix("--") && $0.count > 2 }.map { String($0) } + [
      "--help-hidden"
    ]
  }
}
