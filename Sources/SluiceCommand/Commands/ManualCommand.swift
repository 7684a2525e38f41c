internal import ArgumentParser
internal import SluiceCore
internal import SluiceFormats
internal import SluiceRecipe

struct ManualCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "manual",
    abstract: "Write manual pages, made from what --help says.",
    discussion: """
      Examples:
        sluice manual merge | man -l -
        sluice manual -o ~/.local/share/man/man1
      """)

  @Argument(help: "The command; sluice itself if not given.")
  var command: String?

  @Option(
    name: [.customShort("o"), .customLong("out")],
    help: "Write the pages of all commands into this directory.", completion: .directory)
  var out: String?

  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    let commands = SluiceCommand.configuration.subcommands
    if let out {
      try Directory.create(out)
      for page in [ManualPage(nil)] + commands.map({ ManualPage($0) }) {
        try AtomicFile.write(Array(page.text.utf8), to: "\(out)/\(page.name).1")
      }
      return
    }
    guard let command else { return StandardOutput.write(ManualPage(nil).text) }
    let names = commands.compactMap { $0.configuration.commandName }
    guard let type = commands.first(where: { $0.configuration.commandName == command }) else {
      throw UsageError(
        "there is no command \(command.printable)",
        remedy: ClosestWord.remedy(for: command, among: names))
    }
    StandardOutput.write(ManualPage(type).text)
  }
}

/// A manual page of a command: its help, in the form that `man` reads.
struct ManualPage {
  let name: String
  private let command: (any ParsableCommand.Type)?

  /// The page of a command, or of the program.
  init(_ command: (any ParsableCommand.Type)?) {
    self.command = command
    name = "sluice" + (command?.configuration.commandName.map { "-\($0)" } ?? "")
  }

  /// The page.
  var text: String {
    let configuration = (command ?? SluiceCommand.self).configuration
    var text = ".TH \(name.uppercased().roff) 1 \"\" \"sluice \(SluiceVersion.current)\"\n"
    text += ".SH NAME\n\(name.roff) \\- \(configuration.abstract.roff)\n"
    var section = ""
    var item = ""
    for line in help.split(separator: "\n", omittingEmptySubsequences: false) {
      if let title = ManualPage.title(line) {
        (section, item) = (title, "")
        guard section != "OVERVIEW" else { continue }
        if section == "USAGE" {
          text += ".SH SYNOPSIS\n\(line.dropFirst("USAGE: ".count).roff)\n"
          if !configuration.discussion.isEmpty {
            text += ".SH DESCRIPTION\n" + ManualPage.paragraphs(configuration.discussion)
          }
        } else {
          text += ".SH \(section.roff)\n"
        }
        continue
      }
      guard !["OVERVIEW", "USAGE"].contains(section) else { continue }
      if line.hasPrefix("  "), !line.hasPrefix("   ") {
        // A name, and in the same line or the next what it means.
        let parts = line.dropFirst(2).split(separator: "  ", maxSplits: 1)
        item = parts.first.map(String.init) ?? ""
        text += ".TP\n\\fB\(item.roff)\\fR\n"
        if parts.count > 1 { text += parts[1].trimmed.roff + "\n" }
      } else if !line.trimmed.isEmpty {
        text += line.trimmed.roff + "\n"
      }
    }
    return text
  }

  /// The help in lines that are not broken.
  private var help: String {
    command.map { SluiceCommand.helpMessage(for: $0, columns: 100_000) }
      ?? SluiceCommand.helpMessage(columns: 100_000)
  }

  /// The title of a section: `USAGE: ...`, or capitals before a colon at the end.
  private static func title(_ line: Substring) -> String? {
    for title in ["OVERVIEW", "USAGE"] where line.hasPrefix("\(title): ") { return title }
    guard line.hasSuffix(":"), !line.hasPrefix(" "), line == line.uppercased() else { return nil }
    return String(line.dropLast())
  }

  /// Text with examples in it: indented lines stay as they are.
  private static func paragraphs(_ text: String) -> String {
    var result = ""
    var isExample = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("  ") != isExample {
        isExample.toggle()
        result += isExample ? ".nf\n.RS 4\n" : ".RE\n.fi\n"
      }
      result += line.isEmpty ? ".PP\n" : "\(line.trimmed.roff)\n"
    }
    return result + (isExample ? ".RE\n.fi\n" : "")
  }
}

extension StringProtocol {
  fileprivate var trimmed: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }

  /// The text with what means something to roff escaped.
  fileprivate var roff: String {
    var text = ""
    for character in self {
      switch character {
      case "\\": text += "\\e"
      case "-": text += "\\-"
      default: text.append(character)
      }
    }
    return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" + text : text
  }
}
