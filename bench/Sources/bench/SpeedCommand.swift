import ArgumentParser
import Glibc
import Measuring
import Platform

/// `bench speed`: times a merge beside the floor of the machine, taking turns.
struct SpeedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "speed",
    abstract: "Times a merge beside reading and writing the same bytes, taking turns.",
    discussion: """
      The floor reads every input twice with large plain reads and writes the bytes of the merged model once, \
      past the page cache and synced. Ratios are taken run by run; the table shows their medians.
      """)

  @Option(help: "Folder of the base model.") var base: String
  @Option(help: "Fine-tuned model as NAME=DIR; give it once for each.") var model: [ModelArgument]
  @Option(help: "Scratch folder, on the disk to be measured.") var out: String
  @Option(help: "Turns.") var runs = 5
  @Flag(help: "Inputs leave the page cache before each step, and a reader that drops pages joins.")
  var cold = false
  @Flag(help: "Only the machine: no merge.") var floorOnly = false
  @Option(help: "Writes all single times and the machine here.") var json: String?
  @OptionGroup var options: SluiceOptions

  func validate() throws {
    if runs < 1 { throw ValidationError("--runs must be at least 1.") }
    if model.isEmpty { throw ValidationError("Give at least one --model NAME=DIR.") }
  }

  func run() throws {
    let machine = Machine()
    let invocation = MergeInvocation(
      sluice: options.sluice, base: base, models: model, handedOn: options.handedOn)
    let inputs = try invocation.inputs()
    if !floorOnly { try options.requireBinary() }
    try Directory.make(out)
    let scratch = "\(out)/bench-speed-\(getpid())"
    try Directory.make(scratch)
    defer { try? Directory.remove(scratch) }

    let bytesIn = try byteCount(of: inputs)
    let bytesOut = try byteCount(of: Directory.weightFiles(in: base))
    print(machine.summary)
    print("\(cold ? "cold" : "warm"): \(bytesIn) bytes in \(inputs.count) files, \(bytesOut) out")

    var steps = floorSteps(inputs: inputs, bytesOut: bytesOut, scratch: scratch)
    if !floorOnly { steps.append(mergeStep(invocation, bytesOut: bytesOut, scratch: scratch)) }
    var record = SpeedRecord(steps: steps.map(\.name))
    for run in 0..<runs {
      // Each run begins with another step, so that no step always follows the same one.
      for turn in steps.indices {
        let number = (run + turn) % steps.count
        let resident = try PageCache.prepare(inputs, cold: cold)
        let sample = try steps[number].measure()
        record.add(sample, step: number, run: run, residentBefore: resident)
        let seconds = sample.seconds.fixed(3)
        print("run \(run + 1) of \(runs): \(steps[number].name) \(seconds) s")
      }
    }
    print("\n" + record.table)
    if let json {
      let setting = JSON.object([
        JSON.Member("cold", .bool(cold)), JSON.Member("bytesIn", .integer(bytesIn)),
        JSON.Member("filesIn", .integer(inputs.count)), JSON.Member("bytesOut", .integer(bytesOut)),
        JSON.Member("handedOn", .array(options.handedOn.map { .string($0) })),
      ])
      try File.replace(json, with: record.json(machine: machine.json, setting: setting).text)
    }
  }

  private func floorSteps(inputs: [String], bytesOut: Int, scratch: String) -> [SpeedStep] {
    func floor(_ name: String, _ reader: Reader) -> SpeedStep {
      SpeedStep(name: name) {
        let first = try reader.read(inputs)
        let second = try reader.read(inputs)
        let writing = try Writer.write(bytesOut, in: scratch)
        return SpeedSample(
          seconds: first + second + writing.seconds,
          details: [
            JSON.Member("firstRead", .number(first)), JSON.Member("secondRead", .number(second)),
            JSON.Member("write", .number(writing.seconds)),
            JSON.Member("directWrite", .bool(writing.isDirect)),
          ])
      }
    }
    var steps = [
      floor(SpeedRecord.floorOneThread, Reader(threadPerFile: false)),
      floor(SpeedRecord.floorThreadPerFile, Reader(threadPerFile: true)),
    ]
    if cold {
      let reader = Reader(blockBytes: 4 << 20, threadPerFile: true, dropsBehind: true)
      steps.append(floor(SpeedRecord.floorDropping, reader))
    }
    steps.append(
      SpeedStep(name: SpeedRecord.cat) {
        let errors = scratch + "/cat.err"
        let outcome = try ChildProcess(["cat"] + inputs).run(output: "/dev/null", errors: errors)
        guard outcome.succeeded else { throw BenchFailure("cat: \(outcome.ending)") }
        return SpeedSample(outcome)
      })
    return steps
  }

  private func mergeStep(
    _ invocation: MergeInvocation, bytesOut: Int, scratch: String
  ) -> SpeedStep {
    SpeedStep(name: SpeedRecord.merge) {
      let merged = scratch + "/merged"
      try Directory.remove(merged)
      let outcome = try ChildProcess(invocation.command(out: merged)).run(
        output: scratch + "/merge.out", errors: scratch + "/merge.err")
      guard outcome.succeeded else {
        throw BenchFailure("sluice merge: \(outcome.ending)\n\(tail(of: scratch + "/merge.err"))")
      }
      let written = try byteCount(of: Directory.weightFiles(in: merged))
      // The floor writes what the base has; a merged model of another size would make the ratio a lie.
      guard abs(written - bytesOut) <= bytesOut / 100 + (1 << 20) else {
        throw BenchFailure(
          "the merged model has \(written) bytes, the base model \(bytesOut): no fair comparison")
      }
      try Directory.remove(merged)
      return SpeedSample(outcome)
    }
  }
}
