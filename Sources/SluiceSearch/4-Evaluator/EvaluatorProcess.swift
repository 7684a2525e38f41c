internal import CSluiceSystem
internal import Glibc
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats

/// One run of an evaluator, in a process group of its own.
///
/// Its standard input is empty; of what it writes the ends are kept. Whatever ends it, nothing that it
/// started is left after.
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

  private var program = sluice_program()
  private(set) var output: [UInt8] = []
  private(set) var errors: [UInt8] = []

  private static let errorLimit = 4096
  /// How long a program may take to end when it is asked to, in seconds.
  private static let grace = 3.0

  /// The process, for a note of who must be ended if this process is killed.
  var process: Int32 { program.process }

  /// Starts a program.
  init(_ words: [String]) throws(Unstarted) {
    let null = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard null >= 0 else { throw Unstarted(number: errno) }
    defer { close(null) }
    // The program gets it as descriptor 3; one of 0 ... 3 would be replaced before.
    let descriptor = fcntl(null, F_DUPFD_CLOEXEC, 4)
    guard descriptor >= 0 else { throw Unstarted(number: errno) }
    defer { close(descriptor) }
    // SAFETY: the copies of the arguments live until the call returns.
    var arguments = unsafe words.map { unsafe UnsafePointer<CChar>(strdup($0)) }
    unsafe arguments.append(nil)
    defer { unsafe arguments.forEach { unsafe free(UnsafeMutablePointer(mutating: $0)) } }
    let number = unsafe sluice_program_start(&arguments, nil, descriptor, &program)
    guard number == 0 else { throw Unstarted(number: number) }
    unsafe sluice_program_end_input(&program)
  }

  deinit {
    var status: Int32 = 0
    var program = program
    unsafe sluice_program_stop(&program, 0, &status)
  }

  /// A program that could not be started.
  struct Unstarted: Error {
    let number: Int32
    var reason: String { unsafe strerror(number).map { unsafe String(cString: $0) } ?? "\(number)" }
  }

  /// Waits for its end, and ends it where that does not come.
  mutating func wait(
    atMost seconds: Double?, _ cancellation: Cancellation, hearing: (String) -> Void = { _ in }
  ) -> End {
    let start = MonotonicTime.now
    var heard = ""
    var asked: (time: MonotonicTime, end: End)?
    while unsafe sluice_program_has_ended(&program) == 0 {
      read(milliseconds: 50)
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
      unsafe sluice_program_signal(&program, SIGTERM)
    }
    // What is still in the pipes; a child of its may hold them open for ever.
    read(milliseconds: 0)
    var status: Int32 = 0
    unsafe sluice_program_stop(&program, 0, &status)
    if let asked { return asked.end }
    return status >= 256 ? .signal(Int(status) - 256) : .exited(Int(status))
  }

  /// The last line that it wrote, which is where programs say how far they are; nil before the first.
  private var lastLine: String? {
    let bytes = (errors.isEmpty ? output : errors).suffix(EvaluatorProcess.errorLimit)
    // Bars are written over with a carriage return.
    let lines = bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
    return lines.last.map { String(decoding: $0.prefix(200), as: UTF8.self).printable }
  }

  /// Reads what is there, or comes within a time.
  private mutating func read(milliseconds: Int32) {
    var wait = milliseconds
    while true {
      var ready: Int32 = 0
      _ = unsafe sluice_program_wait(&program, wait, &ready)
      guard ready != 0 else { return }
      wait = 0
      var hasMore = false
      if ready & 1 != 0 {
        hasMore = EvaluatorProcess.read(program.output, into: &output) || hasMore
        EvaluatorProcess.cut(&output, EvaluatorAnswer.byteLimit)
      }
      if ready & 2 != 0 {
        hasMore = EvaluatorProcess.read(program.errors, into: &errors) || hasMore
        EvaluatorProcess.cut(&errors, EvaluatorProcess.errorLimit)
      }
      guard hasMore else {
        // An end of file is always ready: without a pause this would spin until the program ends.
        if milliseconds > 0 { usleep(20_000) }
        return
      }
    }
  }

  private static func read(_ descriptor: Int32, into bytes: inout [UInt8]) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    // SAFETY: the buffer is used inside the closure only.
    let count = unsafe buffer.withUnsafeMutableBytes {
      unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
    }
    guard count > 0 else { return false }
    bytes += buffer[..<count]
    return true
  }

  private static func cut(_ bytes: inout [UInt8], _ limit: Int) {
    if bytes.count > 2 * limit { bytes.removeFirst(bytes.count - limit) }
  }
}
