internal import ArgumentParser
internal import SluiceCore
internal import SluicePipeline
internal import SluiceStages

/// The options that say how candidates are made; none of them changes a byte of theirs.
struct CandidateControls: ParsableArguments {
  @Option(help: "The memory for buffers, windows and tables; 512MiB if not given.")
  var memory: ByteCount?

  @Option(help: "How many lanes compute; the number of processors if not given.")
  var threads: Int?

  @Option(help: "How input files are read; mmap if not given, pread suits network mounts.")
  var io: InputMode?

  /// Options, changed by what was given.
  func applied(to options: RunOptions) throws -> RunOptions {
    if let threads, !(1...1024).contains(threads) {
      throw UsageError("the number of threads must lie in 1 ... 1024; it is \(threads)")
    }
    var options = options
    if let threads { options.threads = threads }
    if let memory { options.memory = memory }
    if let io { options.io = io }
    return options
  }
}
