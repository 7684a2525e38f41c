import SluiceCore
import SluiceDataflow
import Testing

@testable import SluiceCommand

@Suite("What a terminal shows")
struct TerminalTests {
  private static let plain = TerminalStyle(isTerminal: true, type: "xterm", noColor: "1")

  /// A merge of two passes, halfway through the second, at 100 MB/s.
  private func snapshot(_ phase: String = "survey", later: Int = 3_000_000_000) throws
    -> ProgressSnapshot
  {
    let meter = ProgressMeter()
    meter.expect([("survey", 1_000_000_000), ("merge", later)])
    let start = MonotonicTime.now
    meter.startPhase(phase, totalBytes: 1_000_000_000, at: start)
    meter.advance(by: 500_000_000)
    return try #require(meter.snapshot(at: start.advanced(by: .seconds(5))))
  }

  @Test("a run knows which pass it is in, and the time left in all")
  func wholeRun() throws {
    let first = try snapshot()
    #expect(first.number == 1 && first.phaseCount == 2)
    #expect(first.secondsLeft.map { $0.rounded() } == 5)
    #expect(first.secondsLeftInAll.map { $0.rounded() } == 35)
    let last = try snapshot("merge")
    #expect(last.number == 2 && last.laterBytes == 0)
    #expect(last.secondsLeftInAll == last.secondsLeft)
  }

  @Test("a pass that nobody announced belongs to the one before")
  func unannounced() throws {
    let meter = ProgressMeter()
    meter.expect([("survey", 10), ("merge", 20)])
    var seen: [Int] = []
    for phase in ["survey", "refine cuts", "merge"] {
      meter.startPhase(phase, totalBytes: 1)
      seen.append(try #require(meter.snapshot()).number)
      meter.finishPhase()
    }
    #expect(seen == [1, 1, 2])
  }

  @Test(
    "the line fits the window, and its end is what is left out",
    arguments: [
      (
        120,
        "survey [1/2]  50 %  5 s left (35 s in all)  ####################--------------------  95.3 MiB/s"
      ),
      (80, "survey [1/2]  50 %  5 s left (35 s in all)  ############------------  95.3 MiB/s"),
      (60, "survey [1/2]  50 %  5 s left (35 s in all)  ########--------"),
      (50, "survey [1/2]  50 %  5 s left (35 s in all)"),
      (30, "survey [1/2]  50 %  5 s left ("),
    ])
  func width(columns: Int, expected: String) throws {
    let line = ProgressLine(snapshot: try snapshot()).text(columns: columns, TerminalTests.plain)
    #expect(line == expected)
    #expect(line.count <= columns)
  }

  @Test("colours take no room, and what calls itself dumb gets no line that is written over")
  func styles() throws {
    let colored = TerminalStyle(isTerminal: true, type: "xterm", noColor: nil)
    let line = ProgressLine(snapshot: try snapshot()).text(columns: 80, colored)
    let plain = ProgressLine(snapshot: try snapshot()).text(columns: 80, TerminalTests.plain)
    #expect(line.contains("\u{1b}[") && !plain.contains("\u{1b}"))
    let escape = /\u{1b}\[[0-9;]*m/
    #expect(line.replacing(escape, with: "") == plain)
    #expect(!TerminalStyle(isTerminal: true, type: "dumb", noColor: nil).rewritesLines)
    #expect(!TerminalStyle(isTerminal: false, type: "xterm", noColor: nil).hasColors)
    #expect(TerminalStyle(isTerminal: true, type: "xterm", noColor: "").hasColors)
  }

  @Test("warnings of a kind about a model are one line")
  func groups() {
    func missing(_ model: String, _ tensor: String) -> Warning {
      Warning(.missingTensor, subject: Subject(model: model, tensor: tensor), message: "missing")
    }
    let warnings = [
      missing("a", "x"), missing("a", "y"), missing("b", "x"), missing("a", "z"),
      Warning(.oddInput, subject: Subject(model: "a"), message: "one"),
      Warning(.oddInput, subject: Subject(model: "a"), message: "two"),
    ]
    #expect(WarningDisplay.groups(of: warnings).map(\.count) == [3, 1, 1, 1])
  }

  @Test("the command that was meant is named, and no command line at all is an error")
  func commands() throws {
    func failure(_ arguments: [String]) -> Failure? {
      #expect(throws: UsageError.self) { try CommandLineCheck.arguments(arguments) }?.failure
    }
    let mistyped = failure(["sluice", "mrge", "--base", "x"])
    #expect(mistyped?.message == "there is no command mrge" && mistyped?.exitCode == .usage)
    #expect(mistyped?.remedy?.hasPrefix("Did you mean merge?") == true)
    #expect(
      failure(["sluice", "help", "verfy"])?.remedy?.hasPrefix("Did you mean verify?") == true)
    #expect(failure([])?.exitCode == .internal)
    #expect(try CommandLineCheck.arguments(["sluice", "-V"]) == ["--version"])
    #expect(try CommandLineCheck.arguments(["sluice", "help", "merge"]) == ["help", "merge"])
    #expect(try CommandLineCheck.arguments(["sluice", "merge", "x"]) == ["merge", "x"])
  }

  @Test("an option that there is not is named, whatever else is missing")
  func options() {
    func failure(_ arguments: String...) -> Failure? { CommandLineCheck.unknownOption(arguments) }
    #expect(failure("merge", "--bse", "x", "--out", "y")?.message == "there is no option --bse")
    #expect(failure("merge", "--bse=x")?.remedy == "Did you mean --base?")
    #expect(failure("merge", "--cuda")?.remedy == "See 'sluice merge --help' for more information.")
    #expect(failure("merge", "--base", "x", "--vector-level", "avx2", "--", "--bse") == nil)
    #expect(failure("run", "recipe.yaml") == nil)
  }

  @Test("manual pages have every option of the help")
  func manual() throws {
    for command in SluiceCommand.configuration.subcommands {
      let page = ManualPage(command).text
      let name = try #require(command.configuration.commandName)
      let title = name.uppercased().split(separator: "-").joined(separator: "\\-")
      #expect(page.hasPrefix(".TH SLUICE\\-\(title) 1"))
      #expect(page.contains(".SH SYNOPSIS\n"))
      let help = SluiceCommand.helpMessage(for: command, columns: 100_000)
      let options = help.matches(of: /\n  (?:-[a-z], )?--([a-z0-9-]+)/).map { String($0.1) }
      #expect(!options.isEmpty)
      for option in options {
        #expect(
          page.contains(option.split(separator: "-").joined(separator: "\\-")), "\(name) \(option)")
      }
    }
    #expect(ManualPage(nil).text.contains("\\fBmerge\\fR"))
  }
}
