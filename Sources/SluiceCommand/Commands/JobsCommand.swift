internal import ArgumentParser
internal import SluiceCore
internal import SluiceFormats
internal import SluiceRun

/// What hands shares out.
enum ShareEngine: String, CaseIterable, ExpressibleByArgument {
  case xargs, parallel, slurm, kubernetes
}

struct JobsCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "jobs",
    abstract: "Print what makes an engine do a merge that was prepared.",
    discussion: """
      Prints a script, or a manifest, and submits nothing. It can be submitted again: what is done is not \
      done a second time.

      Examples:
        sluice jobs merged --for xargs --workers 8 | sh
        sluice jobs merged --for slurm --workers 64 --threads 8 > merge.sh
      """)

  @Argument(help: "The --out of prepare.", completion: .directory)
  var out: String

  @Option(name: .customLong("for"), help: "What hands the shares out.")
  var engine: ShareEngine

  @Option(help: "How many shares are done at the same time, on each host with parallel.")
  var workers = 8

  @Option(name: [.customShort("j"), .customLong("threads")], help: "How many lanes each has.")
  var threads = 1

  @Option(help: "The memory of each for buffers, windows and tables.")
  var memory = ByteCount.mebibytes(512)

  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    guard (1...10_000).contains(workers) else {
      throw UsageError("the number of workers must lie in 1 ... 10000; it is \(workers)")
    }
    guard (1...1024).contains(threads) else {
      throw UsageError("the number of threads must lie in 1 ... 1024; it is \(threads)")
    }
    guard let run = try SharedRun.open(out) else { return ShareText.writeFinished(out, output) }
    let jobs = ShareJobs(
      output: Directory.absolute(out), shareCount: run.shareCount, phases: run.phases,
      workers: workers, threads: threads, memory: memory)
    StandardOutput.write(jobs.text(for: engine))
  }
}
