import ArgumentParser
import Glibc
import Measuring
import Platform

/// `bench spill`: reading models again beside spilling and stores, taking turns.
struct SpillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spill",
    abstract: "Times merges that read models again, spill, or read stores, taking turns.",
    discussion: """
      Stores are made first, each timed once. Bytes are those that the plan names, that the merge counted, \
      and that the system counted for the process (blocks read from and written to disks). The floor of a way reads \
      and writes the same bytes pass by pass, in the same pieces and with as many threads, and computes nothing.
      """)

  @Option(help: "Folder of the base model.") var base: String
  @Option(help: "Fine-tuned model as NAME=DIR; give it once for each.") var model: [ModelArgument]
  @Option(help: "Scratch folder, on the disk to be measured.") var out: String
  @Option(help: "Turns.") var runs = 3
  @Flag(help: "Inputs and stores leave the page cache before each step.") var cold = false
  @Option(help: "Runs merges in a memory group of this size, which then is their page cache.")
  var limit: ByteSize?
  @Option(help: "Writes all single figures and the machine here.") var json: String?
  @OptionGroup var options: SluiceOptions

  private static let reread = "read again"
  private static let stored = "from stores"

  func validate() throws {
    if runs < 1 { throw ValidationError("--runs must be at least 1.") }
    if model.isEmpty { throw ValidationError("Give at least one --model NAME=DIR.") }
  }

  func run() throws {
    try options.requireBinary()
    let machine = Machine()
    print(machine.summary)
    let scratch = "\(out)/bench-spill-\(getpid())"
    try Directory.make(scratch)
    defer { try? Directory.remove(scratch) }
    let stores = try model.map { try store($0, scratch) }
    let direct = MergeInvocation(
      sluice: options.sluice, base: base, models: model, handedOn: options.handedOn)
    let fromStores = MergeInvocation(
      sluice: options.sluice, base: base, models: stores, handedOn: options.handedOn)
    let ways =
      [try SpillWay(SpillCommand.reread, direct, ["--spill", "off"])]
      + (try ["none", "rice", "lz4", "zstd"].map {
        try SpillWay("spill \($0)", direct, ["--spill", $0])
      })
      + [try SpillWay(SpillCommand.stored, fromStores, [])]
    var record = SpillRecord(steps: ways.map(\.name))
    var floors: [MergeFloor?] = ways.map { _ in nil }
    for run in 0..<runs {
      for turn in ways.indices {
        let number = (run + turn) % ways.count
        let way = ways[number]
        func floor() throws -> Double? {
          try floors[number].map { try measure($0, way, scratch, threads: machine.cores) }
        }
        // Merge and floor take turns in being the first; what is read is known after the first merge.
        let before = run % 2 == 1 ? try floor() : nil
        let (sample, known) = try measure(way, scratch)
        floors[number] = floors[number] ?? known
        let floorSeconds = try before ?? floor() ?? .nan
        record.add(sample, floorSeconds: floorSeconds, step: number, run: run)
        print(
          "run \(run + 1) of \(runs): \(way.name) \(sample.seconds.fixed(2)) s, "
            + "its floor \(floorSeconds.fixed(2)) s")
        fflush(nil)
      }
    }
    print("\n\(model.count) fine-tuned models, \(cold ? "cold" : "warm")")
    print(record.table(against: 0))
    if let json { try File.replace(json, with: record.json(machine: machine.json).text) }
  }

  /// Makes the store of a model.
  private func store(_ model: ModelArgument, _ scratch: String) throws -> ModelArgument {
    let path = "\(scratch)/store-\(model.name)"
    let outcome = try ChildProcess([
      options.sluice, "prune", "--base", base, "--model", model.path, "--out", path, "--quiet",
    ]).run(output: "/dev/null", errors: scratch + "/prune.err")
    guard outcome.succeeded else {
      throw BenchFailure("sluice prune: \(outcome.ending)\n\(tail(of: scratch + "/prune.err"))")
    }
    let bytes = try byteCount(of: [path + "/deltas.safetensors"])
    let whole = try byteCount(of: Directory.weightFiles(in: model.path))
    let share = (100 * Double(bytes) / Double(whole)).fixed(2)
    print(
      "store of \(model.name): \(bytes) bytes, \(share) % of the model, \(outcome.wall.fixed(2)) s")
    return ModelArgument(name: model.name, path: path)
  }

  private func measure(
    _ way: SpillWay, _ scratch: String
  ) throws -> (SpillSample, MergeFloor) {
    let merged = scratch + "/merged"
    try Directory.remove(merged)
    let outcome = try measured(way.invocation.command(out: merged) + way.words, way, scratch)
    let report = try JSON(parsing: File.contents(of: merged + "/sluice-report.json"))
    try Directory.remove(merged)
    return (
      SpillSample(outcome, totals: report["totals"]),
      try MergeFloor(report: report, inputs: way.inputs, scratch: scratch)
    )
  }

  /// The floor of a way: in a process of its own, so that it can be in a memory group as the merge is.
  private func measure(
    _ floor: MergeFloor, _ way: SpillWay, _ scratch: String, threads: Int
  ) throws -> Double {
    let plan = scratch + "/floor.json"
    try File.replace(plan, with: floor.json.text)
    let lanes = options.handedOn.firstIndex(of: "--threads").map { options.handedOn[$0 + 1] }
    let words = [try Machine.ownProgram(), "floor", plan, "--lanes", lanes ?? "\(threads)"]
    let seconds = try measured(words, way, scratch).wall
    for name in ["frames", "output"] { unlink("\(scratch)/floor-\(name).tmp") }
    return seconds
  }

  /// Runs a command with the inputs in the wanted state, in a memory group if one is asked for.
  private func measured(
    _ words: [String], _ way: SpillWay, _ scratch: String
  ) throws -> ChildProcess.Outcome {
    let inputs = way.inputs.flatMap(\.self)
    _ = try PageCache.prepare(inputs, cold: cold || limit != nil)
    let group = try limit.map { try MemoryGroup(limit: $0.bytes) }
    defer { group?.remove() }
    let outcome = try ChildProcess(words).run(
      output: scratch + "/merge.out", errors: scratch + "/merge.err", group: group)
    guard outcome.succeeded else {
      throw BenchFailure("\(way.name): \(outcome.ending)\n\(tail(of: scratch + "/merge.err"))")
    }
    return outcome
  }
}

/// A way to come to the result.
private struct SpillWay {
  let name: String
  let invocation: MergeInvocation
  let words: [String]
  /// The files that are read of each model, the base's first.
  let inputs: [[String]]

  init(_ name: String, _ invocation: MergeInvocation, _ words: [String]) throws {
    self.name = name
    self.invocation = invocation
    self.words = words
    inputs = try ([invocation.base] + invocation.models.map(\.path)).map { path in
      let store = path + "/deltas.safetensors"
      return access(store, F_OK) == 0 ? [store] : try Directory.weightFiles(in: path)
    }
  }
}
