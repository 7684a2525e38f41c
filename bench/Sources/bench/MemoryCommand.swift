import ArgumentParser
import Glibc
import Measuring
import Platform

/// `bench memory`: the peak memory of merges, by family and budget.
struct MemoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "memory",
    abstract: "Measures the peak memory of merges for several families and budgets.",
    discussion: """
      A family is a folder with a folder 'base' and one for each fine-tuned model, as 'bench generate' writes it. \
      With --limit each merge runs in a memory cgroup of that size, in which its page cache counts too.
      """)

  @Option(help: "Folder of a family; give it once for each.") var family: [String]
  @Option(help: "Budget for 'sluice merge --memory'; give it once for each.")
  var memory: [ByteSize] = [ByteSize(mebibytes: 96), ByteSize(mebibytes: 512)]
  @Option(help: "Scratch folder for merged models.") var out: String
  @Option(help: "Runs of each; the worst counts.") var runs = 1
  @Option(help: "Runs each merge in a memory cgroup of this size.") var limit: ByteSize?
  @Option(help: "What a process may have resident beyond its budget before --check fails.")
  var allowance = ByteSize(mebibytes: 0)
  @Flag(help: "Exit with status 1 when a merge fails or has more resident than it may.")
  var check = false
  @Option(help: "Writes all runs and the machine here.") var json: String?
  @OptionGroup var options: SluiceOptions

  func validate() throws {
    if runs < 1 { throw ValidationError("--runs must be at least 1.") }
    if family.isEmpty || memory.isEmpty {
      throw ValidationError("Give at least one --family and one --memory.")
    }
  }

  func run() throws {
    try options.requireBinary()
    let machine = Machine()
    print(machine.summary)
    let scratch = "\(out)/bench-memory-\(getpid())"
    try Directory.make(scratch)
    defer { try? Directory.remove(scratch) }

    // Until a child has become another program it has the pages of this process, and the kernel
    // counts them: no child can show less than this process had.
    let idle = try ChildProcess(["true"]).run(output: "/dev/null", errors: "/dev/null")
    print("smallest peak that can be seen here: \(mebibytes(idle.peakResident)) MiB (of 'true')")
    var record = MemoryRecord(hasLimit: limit != nil)
    for path in family {
      let invocation = try mergeOf(family: path)
      for budget in memory {
        for _ in 0..<runs {
          record.add(try measure(invocation, family: path, budget: budget, scratch: scratch))
        }
      }
    }
    print("\n" + record.table)
    if let json {
      let content = record.json(machine: machine.json, smallestVisiblePeak: idle.peakResident)
      try File.replace(json, with: content.text)
    }
    let excesses = record.runs.filter { !$0.isWithin(allowance: allowance.bytes) }
    for run in excesses {
      print(
        "over: \(run.family), --memory \(run.budget.text): \(run.outcome.ending), "
          + "\(mebibytes(run.outcome.peakResident)) MiB")
      if !run.messages.isEmpty { print(run.messages) }
    }
    if check && !excesses.isEmpty { throw ExitCode(1) }
  }

  private func mergeOf(family path: String) throws -> MergeInvocation {
    let names = try Directory.names(in: path).filter {
      $0 != "base" && !$0.hasPrefix(".") && (try? Directory.weightFiles(in: "\(path)/\($0)")) != nil
    }
    guard !names.isEmpty, Directory.exists(path + "/base") else {
      throw BenchFailure("\(path): no family; expected a folder 'base' and one for each model")
    }
    return MergeInvocation(
      sluice: options.sluice, base: path + "/base",
      models: names.map { ModelArgument(name: $0, path: "\(path)/\($0)") },
      handedOn: options.handedOn)
  }

  private func measure(
    _ invocation: MergeInvocation, family: String, budget: ByteSize, scratch: String
  ) throws -> MemoryRun {
    let merged = scratch + "/merged"
    try Directory.remove(merged)
    let group = try limit.map { try MemoryGroup(limit: $0.bytes) }
    defer { group?.remove() }
    // A page counts for the group that brought it into the cache; inputs that are there already would be
    // free.
    if group != nil { try PageCache.evict(try invocation.inputs()) }
    let command = invocation.command(out: merged) + ["--memory", budget.text]
    let messages = scratch + "/merge.err"
    let outcome = try ChildProcess(command).run(
      output: scratch + "/merge.out", errors: messages, group: group, samplesMemory: true)
    var reported: Int?
    if let bytes = try? File.contents(of: merged + "/sluice-report.json") {
      reported = try JSON(parsing: bytes)["totals"]?["peakMemory"]?.integerValue
    }
    let usage = try group?.usage()
    try Directory.remove(merged)
    return MemoryRun(
      family: family, budget: budget, limit: limit?.bytes, outcome: outcome, reported: reported,
      group: usage, messages: outcome.succeeded ? "" : tail(of: messages))
  }
}
