internal import Glibc
internal import SluiceCore
internal import SluiceDataflow

/// One run of an evaluator.
///
/// Its standard input is empty; of what it writes the ends are kept. Whatever ends it, nothing that it
/// started is left behind.
struct EvaluatorProcess: ~Copyable {
  /// How it ended.
  enum End: Sendable, Hashable {
    /// By itself, with an exit code.
    case exited(Int)
    /// By a signal that did not come from here.
    case signal(Int)
    /// It did not end in time.
    case late
    /// The search was stopped.
    case cancelled
  }

  private let program: ChildProgram
  var output: [UInt8] { program.output }
  var errors: [UInt8] { program.errors }

  private static let errorLimit = 4096
  /// How long a program may take to end when it is asked to, in seconds.
  private static let grace = 3.0

  /// The process, for a note of who must be ended if this process is killed.
  var process: Int32 { program.process }

  /// Starts a program.
  ///
  /// - Parameter words: The program, found on the path, and its arguments.
  /// - Throws: The system's reason.
  init(_ words: [String]) throws(ChildProgram.Unstarted) {
    program = try ChildProgram(
      words, outputLimit: EvaluatorAnswer.byteLimit, errorLimit: EvaluatorProcess.errorLimit)
    program.endInput()
  }

  /// Waits for its end, and ends it where that does not come.
  ///
  /// - Parameters:
  ///   - seconds: How long it may run; nil for any time.
  ///   - cancellation: Ends it from outside.
  ///   - hearing: Told its last line, whenever there is another.
  /// - Returns: How it ended.
  func wait(
    atMost seconds: Double?, _ cancellation: Cancellation, hearing: (String) -> Void = { _ in }
  ) -> End {
    let start = MonotonicTime.now
    var heard = ""
    var asked: (time: MonotonicTime, end: End)?
    while !program.hasEnded {
      program.read(waiting: ChildProgram.pulse)
      if let line = lastLine, line != heard {
        heard = line
        hearing(line)
      }
      let now = MonotonicTime.now
      if let asked {
        guard now.seconds(since: asked.time) < EvaluatorProcess.grace else { break }
      } else if cancellation.isCancelled {
        asked = (now, .cancelled)
      } else if let seconds, now.seconds(since: start) >= seconds {
        asked = (now, .late)
      } else {
        continue
      }
      program.signal(SIGTERM)
    }
    // What is still in the pipes; a child of its may hold them open for ever.
    var left = EvaluatorAnswer.byteLimit * 2
    while left > 0, !program.read(waiting: 0).isEmpty, !program.isOutputClosed { left -= 1 << 14 }
    let end = program.stop(isPolite: false)
    if let asked { return asked.end }
    switch end {
    case .exited(let code): return .exited(code)
    case .signal(let number): return .signal(number)
    }
  }
  /// The last line that it wrote, which is where programs say how far they are; nil before the first.
  private var lastLine: String? {
    let bytes = (errors.isEmpty ? output : errors).suffix(EvaluatorProcess.errorLimit)
    // Bars are written over with a carriage return.
    let lines = bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
    return lines.last.map { String(decoding: $0.prefix(200), as: UTF8.self).printable }
  }
}
