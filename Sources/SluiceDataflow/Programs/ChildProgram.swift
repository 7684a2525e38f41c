internal import CSluiceSystem
internal import Glibc

/// A program of somebody else's that works for this process.
///
/// It has a process group of its own. Whatever ends the thread that works with it or this process,
/// nothing that it started is left. One thread works with it.
package final class ChildProgram {
  /// A program that could not be started.
  package struct Unstarted: Error {
    /// The system's error number.
    package let number: Int32

    /// The system's own words.
    package var reason: String {
      // Safe: the text stays until the thread's next call and is copied at once.
      unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
    }
  }

  /// What there is to do.
  package struct Ready: OptionSet, Sendable {
    package let rawValue: Int32
    /// It wrote to its standard output, or closed it.
    package static let output = Ready(rawValue: 1)
    /// It wrote to its standard error, or closed it.
    package static let errors = Ready(rawValue: 2)
    /// It has room for more input.
    package static let input = Ready(rawValue: 4)

    package init(rawValue: Int32) { self.rawValue = rawValue }
  }

  /// How it ended.
  package enum End: Sendable, Hashable {
    case exited(Int)
    case signal(Int)
  }

  /// How long a wait lasts before cancellation is looked at again, in milliseconds.
  package static let pulse: Int32 = 50

  /// What it wrote to its standard output and nobody took.
  package private(set) var output: [UInt8] = []
  /// The end of what it wrote to its standard error.
  package private(set) var errors: [UInt8] = []
  /// Whether it closed its standard output.
  package private(set) var isOutputClosed = false

  private let outputLimit: Int
  private let errorLimit: Int
  private var program = sluice_program()
  private var end = End.exited(0)

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - command: The program, found on the path, and its arguments.
  ///   - directory: Where it runs; where this process does if nil.
  ///   - shared: What it gets as descriptor 3; an empty file if nil.
  ///   - outputLimit: How much of its standard output is kept at least, from the end.
  ///   - errorLimit: How much of its standard error is kept at least, from the end.
  /// - Throws: If it cannot be started.
  package init(
    _ command: [String], in directory: String? = nil, shared: Int32? = nil,
    outputLimit: Int = .max / 2, errorLimit: Int
  ) throws(Unstarted) {
    self.outputLimit = outputLimit
    self.errorLimit = errorLimit
    // Safe: the path is a literal, and both descriptors are closed below.
    let null = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard null >= 0 else { throw Unstarted(number: errno) }
    defer { close(null) }
    // One of 0 ... 3 would be replaced before the program gets it.
    let empty = fcntl(null, F_DUPFD_CLOEXEC, 4)
    guard empty >= 0 else { throw Unstarted(number: errno) }
    defer { close(empty) }
    // Safe: the copies of the arguments live until the call returns.
    var arguments = unsafe command.map { unsafe UnsafePointer<CChar>(strdup($0)) }
    unsafe arguments.append(nil)
    defer { unsafe arguments.forEach { unsafe free(UnsafeMutablePointer(mutating: $0)) } }
    let number = unsafe sluice_program_start(&arguments, directory, shared ?? empty, &program)
    guard number == 0 else { throw Unstarted(number: number) }
  }

  deinit { stop(isPolite: false) }

  /// The number of its process; 0 once it was stopped.
  package var process: Int32 { program.process }

  /// Whether it has ended by itself; what it started may still be there.
  package var hasEnded: Bool { unsafe sluice_program_has_ended(&program) != 0 }

  /// Sends a signal to it and to all that it started.
  package func signal(_ number: Int32) { unsafe sluice_program_signal(&program, number) }

  /// Lets it see the end of its standard input.
  package func endInput() { unsafe sluice_program_end_input(&program) }

  /// Ends it with all that it started, and takes what it still wrote to its standard error.
  ///
  /// - Parameter isPolite: Whether it gets a second to end by itself.
  /// - Returns: How it ended.
  @discardableResult
  package func stop(isPolite: Bool) -> End {
    guard program.process > 0 else { return end }
    read(waiting: 0)
    var status: Int32 = 0
    unsafe sluice_program_stop(&program, isPolite ? 1 : 0, &status)
    end = status >= 256 ? .signal(Int(status) - 256) : .exited(Int(status))
    return end
  }

  /// Sends what it has room for, and takes that from the bytes.
  ///
  /// - Parameter bytes: What is to be sent.
  /// - Returns: Whether it still reads.
  package func send(_ bytes: inout ArraySlice<UInt8>) -> Bool {
    var count = 0
    // Safe: the bytes are used inside the closure only.
    let number = unsafe bytes.withUnsafeBytes {
      unsafe sluice_program_send(&program, $0.baseAddress, $0.count, &count)
    }
    bytes = bytes.dropFirst(count)
    return number == 0
  }

  /// Reads what it wrote, or writes within a time.
  ///
  /// - Parameters:
  ///   - milliseconds: How long to wait if there is nothing.
  ///   - isSending: Whether room for more input ends the wait, too.
  /// - Returns: What there was.
  @discardableResult
  package func read(waiting milliseconds: Int32, isSending: Bool = false) -> Ready {
    var bits: Int32 = 0
    _ = unsafe sluice_program_wait(&program, isSending ? 1 : 0, milliseconds, &bits)
    let ready = Ready(rawValue: bits)
    var isAtEnd = false
    if ready.contains(.output) {
      isOutputClosed = !ChildProgram.drain(program.output, into: &output, outputLimit)
      isAtEnd = isOutputClosed
    }
    if ready.contains(.errors) {
      isAtEnd = !ChildProgram.drain(program.errors, into: &errors, errorLimit) || isAtEnd
    }
    // An end is always ready: without a pause whoever waits for something else would spin.
    if isAtEnd, milliseconds > 0 { usleep(1000) }
    return ready
  }

  /// Takes a line of its output, without its end.
  ///
  /// - Returns: The line, or nil if none has ended yet.
  package func takeLine() -> [UInt8]? {
    guard let index = output.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    defer { output.removeSubrange(...index) }
    return Array(output[..<index])
  }

  /// Reads once what is there; false at the end of the file.
  ///
  /// A program that never stops writing must not keep the caller from looking at the time.
  private static func drain(_ descriptor: Int32, into bytes: inout [UInt8], _ limit: Int) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    // Safe: the buffer is used inside the closure only.
    let count = unsafe buffer.withUnsafeMutableBytes {
      unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
    }
    guard count > 0 else { return count < 0 && (errno == EAGAIN || errno == EINTR) }
    bytes += buffer[..<count]
    if bytes.count / 2 > limit { bytes.removeFirst(bytes.count - limit) }
    return true
  }
}
