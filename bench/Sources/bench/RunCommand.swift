import ArgumentParser
import Glibc
import Measuring
import Platform
import Suite

/// `bench run`: the suite of scenarios.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Measures scenarios beside their floors and mergekit, and compares counts.",
    discussion: """
      Scenarios that merge the same models take turns, with the floor among them; ratios are taken turn by turn. \
      Results are kept after each step, and a later call adds turns to them. Counts (bytes, passes, peaks, \
      allocations) are compared with stored ones; a regression ends the command with status 1.
      """)

  @Argument(help: "Names of scenarios or topics (see --list); all when none is given.")
  var scenarios: [String] = []
  @Flag(help: "Show the scenarios and end.") var list = false
  @Option(help: "Folder of the model families; what is missing is made there.")
  var data = "data"
  @Option(help: "Scratch folder, on the disk to be measured.") var out = "data/scratch"
  @Option(help: "Folder on a file system in memory, for scenarios whose output goes there.")
  var memoryOut = "/dev/shm"
  @Option(help: "Shape of the families, as 'bench generate' names them.") var shape = "llama-1.1b"
  @Option(help: "Turns; 0 measures no times.") var runs = 5
  @Option(help: "File of the results; turns are added to those that it has.") var results: String?
  @Option(help: "Virtual environment that has mergekit; without it mergekit is left out.")
  var mergekit: String?
  @Flag(help: "Remove each family that was made here when its last scenario is done.")
  var removeFamilies = false
  @Option(help: "File of stored counts to compare with.") var counts: String?
  @Flag(help: "Write the counts to the file instead of comparing them.") var update = false
  @Option(help: "The sluice to measure.") var sluice = "../.build/release/sluice"

  func validate() throws {
    if runs < 0 { throw ValidationError("--runs must not be negative.") }
    if update && counts == nil { throw ValidationError("--update needs --counts FILE.") }
    do { _ = try Scenario.chosen(by: scenarios) } catch { throw ValidationError("\(error)") }
  }

  func run() throws {
    let chosen = try Scenario.chosen(by: scenarios)
    if list { return print(listing(chosen)) }
    try MergeInvocation.requireBinary(sluice)
    let machine = Machine()
    print(machine.summary)
    let scratch = "\(out)/bench-run-\(getpid())"
    let memoryScratch = "\(memoryOut)/bench-run-\(getpid())"
    try Directory.make(scratch)
    if runs > 0 && chosen.contains(where: \.isOutputInMemory) { try Directory.make(memoryScratch) }
    defer { for folder in [scratch, memoryScratch] { try? Directory.remove(folder) } }
    let bench = Workbench(
      sluice: sluice, mergekit: try mergekit.map(Mergekit.init(environment:)), data: data,
      scratch: scratch, memoryScratch: memoryScratch, shape: shape)
    var kept: [FamilyFolder] = []
    defer { if removeFamilies { for family in kept { try? family.removeMade() } } }
    if runs > 0 {
      let timing = TimingRun(bench: bench, runs: runs, file: results)
      kept += try timing.measure(
        measurable(chosen), machine: machine, removesFamilies: removeFamilies && counts == nil)
    }
    if let counts {
      let run = CountingRun(bench: try CountingBench(bench), workbench: bench, file: counts)
      let names = scenarios.isEmpty ? nil : Set(chosen.map(\.name))
      let measured = try run.count(chosen, growthOf: names, families: &kept)
      guard try run.judge(measured, update: update) else { throw ExitCode(1) }
    }
  }

  /// What can be measured here; says what cannot.
  private func measurable(_ chosen: [Scenario]) -> [Scenario] {
    chosen.filter { scenario in
      if scenario.topic == .mergekit && mergekit == nil {
        print("\(scenario.name) is left out: name mergekit's environment with --mergekit")
        return false
      }
      if scenario.topic == .size && scenarios.isEmpty {
        print("\(scenario.name) is left out: it takes 39 GB of disk; ask for it by name")
        return false
      }
      if let level = scenario.vectorLevel, !Machine.supports(vectorLevel: level) {
        print("\(scenario.name) is left out: this processor has no \(level)")
        return false
      }
      return true
    }
  }

  private func listing(_ chosen: [Scenario]) -> String {
    var table = TextTable(["scenario", "topic", "measured with", "counted", "what"])
    for scenario in chosen {
      table.add([
        scenario.name, scenario.topic.rawValue, scenario.group(runShape: shape),
        scenario.isCounted ? "yes" : "no", scenario.commandSummary,
      ])
    }
    return table.text
  }
}
