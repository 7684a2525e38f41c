import Glibc
public import Measuring
import ModelFamilies
import Platform

/// Where scenarios are measured: programs, folders, the shape.
public struct Workbench: Sendable {
  /// The measured sluice.
  public let sluice: String
  /// mergekit, nil where it is not measured.
  public let mergekit: Mergekit?
  /// The folder of the families.
  public let data: String
  /// An empty folder on the disk to be measured.
  public let scratch: String
  /// An empty folder on a file system in memory.
  public let memoryScratch: String
  /// The shape of the families that name none.
  public let shape: String

  /// Names programs and folders.
  /// - Parameters:
  ///   - sluice: the measured sluice.
  ///   - mergekit: mergekit, nil where it is not measured.
  ///   - data: the folder of the families.
  ///   - scratch: an empty folder on the disk to be measured.
  ///   - memoryScratch: an empty folder on a file system in memory.
  ///   - shape: the shape of the families that name none.
  public init(
    sluice: String, mergekit: Mergekit?, data: String, scratch: String, memoryScratch: String,
    shape: String
  ) {
    self.sluice = sluice
    self.mergekit = mergekit
    self.data = data
    self.scratch = scratch
    self.memoryScratch = memoryScratch
    self.shape = shape
  }

  /// Where merged models go.
  var merged: String { scratch + "/merged" }

  /// Where the output of a scenario goes.
  func scratch(for scenario: Scenario) -> String {
    scenario.isOutputInMemory ? memoryScratch : scratch
  }

  /// The words of `sluice merge`.
  func merge(_ family: FamilyFolder, _ words: [String], out: String) -> [String] {
    var command = [sluice, "merge", "--base", family.base]
    for model in family.models { command += ["--model", "\(model)=\(family.path)/\(model)"] }
    return command + ["--out", out, "--quiet"] + words
  }

  /// Runs a scenario's program once, into a new folder that is removed again.
  /// - Parameters:
  ///   - scenario: what to run.
  ///   - family: its models, on disk.
  /// - Returns: what the program used, and what it says of itself.
  /// - Throws: `BenchFailure` when it fails, or when what it leaves has not the size of a model.
  public func run(
    _ scenario: Scenario, _ family: FamilyFolder
  ) throws -> (outcome: ChildProcess.Outcome, account: Account?) {
    let merged = scratch(for: scenario) + "/merged"
    let command: [String]
    switch scenario.program {
    case .sluice(let words): command = merge(family, words, out: merged)
    case .mergekit(let method):
      guard let mergekit else { throw BenchFailure("\(scenario.name): mergekit is not named") }
      command = mergekit.command(recipe: try recipe(method, scenario, family), out: merged)
    case .recipe(let method):
      let recipe = try recipe(method, scenario, family)
      command = [sluice, "mergekit-yaml", recipe, merged, "--quiet"]
    }
    try Directory.remove(merged)
    let group = try scenario.memoryGroup.map { try MemoryGroup(limit: $0) }
    defer { group?.remove() }
    let messages = scratch + "/merge.err"
    let outcome = try ChildProcess(command).run(
      output: scratch + "/merge.out", errors: messages, group: group)
    guard outcome.succeeded else {
      let said = String(decoding: try File.contents(of: messages).suffix(2000), as: UTF8.self)
      throw BenchFailure("\(scenario.name): \(outcome.ending)\n\(said)")
    }
    let written = try Directory.weightFiles(in: merged).reduce(0) {
      try $0 + File($1, O_RDONLY).size()
    }
    // The floor writes what the base has; a merged model of another size would make the ratio a lie.
    let expected = family.bytesOut * scenario.widening
    guard abs(written - expected) <= expected / 100 + (1 << 20) else {
      throw BenchFailure(
        "\(scenario.name): the merged model has \(written) bytes, the base model "
          + "\(family.bytesOut): no fair comparison")
    }
    let account = try account(of: merged + "/sluice-report.json")
    try Directory.remove(merged)
    return (outcome, account)
  }

  /// Writes the recipe of a method.
  private func recipe(
    _ method: MergekitMethod, _ scenario: Scenario, _ family: FamilyFolder
  ) throws -> String {
    let path = scratch + "/recipe.yaml"
    let text = method.recipe(
      base: family.base, models: family.models.map { "\(family.path)/\($0)" },
      dtype: scenario.family.type.torchName)
    try File.replace(path, with: text)
    return path
  }

  /// What a merge's report says.
  public struct Account {
    /// Inputs read, output written, and what was spilled, written and read.
    public let bytesMoved: Int
    /// The largest resident size, as the system counted it for the process.
    public let peakResident: Int
  }

  private func account(of path: String) throws -> Account? {
    guard access(path, R_OK) == 0 else { return nil }
    let totals = try JSON(parsing: File.contents(of: path))["totals"]
    guard let read = totals?["bytesRead"]?.integerValue,
      let written = totals?["bytesWritten"]?.integerValue,
      let spilled = totals?["bytesSpilled"]?.integerValue,
      let peak = totals?["peakMemory"]?.integerValue
    else { throw BenchFailure("\(path): no bytes in its totals") }
    return Account(bytesMoved: read + written + 2 * spilled, peakResident: peak)
  }
}
