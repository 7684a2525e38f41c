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
      and that the system counted for the process (blocks read from and written to disks).
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
    let steps: [(name: String, words: [String], invocation: MergeInvocation)] =
      [(SpillCommand.reread, ["--spill", "off"], direct)]
      + ["none", "lz4", "zstd"].map { ("spill \($0)", ["--spill", $0], direct) }
      + [(SpillCommand.stored, [], fromStores)]
    var record = SpillRecord(steps: steps.map(\.name))
    for run in 0..<runs {
      for turn in steps.indices {
        let number = (run + turn) % steps.count
        let step = steps[number]
        let sample = try measure(step.invocation, step.words, scratch)
        record.add(sample, step: number, run: run)
        print("run \(run + 1) of \(runs): \(step.name) \(sample.seconds.fixed(2)) s")
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
    _ invocation: MergeInvocation, _ words: [String], _ scratch: String
  ) throws -> SpillSample {
    let merged = scratch + "/merged"
    try Directory.remove(merged)
    let inputs = ([base] + invocation.models.map(\.path)).flatMap { path in
      (try? Directory.weightFiles(in: path)) ?? [path + "/deltas.safetensors"]
    }
    sync()
    if cold || limit != nil {
      try PageCache.evict(inputs)
    } else {
      for _ in 0..<3 where try PageCache.residentShare(of: inputs) < 1 {
        _ = try Reader(threadPerFile: false).read(inputs)
      }
    }
    let group = try limit.map { try MemoryGroup(limit: $0.bytes) }
    defer { group?.remove() }
    let outcome = try ChildProcess(invocation.command(out: merged) + words).run(
      output: scratch + "/merge.out", errors: scratch + "/merge.err", group: group)
    guard outcome.succeeded else {
      throw BenchFailure("sluice merge: \(outcome.ending)\n\(tail(of: scratch + "/merge.err"))")
    }
    let report = try JSON(parsing: File.contents(of: merged + "/sluice-report.json"))
    try Directory.remove(merged)
    return SpillSample(outcome, totals: report["totals"])
  }
}

/// One merge.
struct SpillSample {
  let seconds: Double
  let processorSeconds: Double
  let peakResident: Int
  /// What the merge counted.
  let bytesRead: Int
  let bytesWritten: Int
  /// What the system counted: bytes from and to disks.
  let diskRead: Int
  let diskWritten: Int

  init(_ outcome: ChildProcess.Outcome, totals: JSON?) {
    seconds = outcome.wall
    processorSeconds = outcome.user + outcome.system
    peakResident = outcome.peakResident
    bytesRead = totals?["bytesRead"]?.integerValue ?? 0
    bytesWritten = totals?["bytesWritten"]?.integerValue ?? 0
    diskRead = outcome.diskRead
    diskWritten = outcome.diskWritten
  }
}

/// All merges, step by step and run by run.
struct SpillRecord {
  private let steps: [String]
  private var samples: [[SpillSample]]
  private var raw: [JSON] = []

  init(steps: [String]) {
    self.steps = steps
    samples = steps.map { _ in [] }
  }

  mutating func add(_ sample: SpillSample, step: Int, run: Int) {
    samples[step].append(sample)
    raw.append(
      .object([
        JSON.Member("run", .integer(run)), JSON.Member("step", .string(steps[step])),
        JSON.Member("seconds", .number(sample.seconds)),
        JSON.Member("processorSeconds", .number(sample.processorSeconds)),
        JSON.Member("peakResident", .integer(sample.peakResident)),
        JSON.Member("bytesRead", .integer(sample.bytesRead)),
        JSON.Member("bytesWritten", .integer(sample.bytesWritten)),
        JSON.Member("diskRead", .integer(sample.diskRead)),
        JSON.Member("diskWritten", .integer(sample.diskWritten)),
      ]))
  }

  /// The medians; ratios are taken run by run against one of the steps.
  func table(against yardstick: Int) -> String {
    var table = TextTable([
      "step", "median s", "x \(steps[yardstick])", "processor s", "peak MiB", "read GB",
      "from disk",
      "written GB", "to disk",
    ])
    func gigabytes(_ values: [Int]) -> String {
      (median(values.map { Double($0) / 1e9 }) ?? .nan).fixed(2)
    }
    for step in steps.indices {
      let all = samples[step]
      let ratios = zip(all, samples[yardstick]).map { $0.seconds / $1.seconds }
      table.add([
        steps[step], (median(all.map(\.seconds)) ?? .nan).fixed(2),
        (median(ratios) ?? .nan).fixed(2),
        (median(all.map(\.processorSeconds)) ?? .nan).fixed(2),
        mebibytes(all.map(\.peakResident).max() ?? 0), gigabytes(all.map(\.bytesRead)),
        gigabytes(all.map(\.diskRead)), gigabytes(all.map(\.bytesWritten)),
        gigabytes(all.map(\.diskWritten)),
      ])
    }
    return table.text
  }

  func json(machine: JSON) -> JSON {
    .object([
      JSON.Member("version", .integer(1)), JSON.Member("machine", machine),
      JSON.Member("samples", .array(raw)),
    ])
  }
}
