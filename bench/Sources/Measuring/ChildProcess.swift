import Glibc
import Platform

/// A command that is run and measured.
public struct ChildProcess: Sendable {
  /// What a finished command used, as `wait4(2)` tells it.
  public struct Outcome: Sendable {
    /// Whether it ended by itself with status 0.
    public var succeeded: Bool { exitStatus == 0 }
    /// Its exit status, nil when a signal ended it.
    public let exitStatus: Int?
    /// The signal that ended it, nil when none did.
    public let signal: Int?
    /// Seconds from start to end.
    public let wall: Double
    /// Seconds of processor time in the program.
    public let user: Double
    /// Seconds of processor time in the kernel.
    public let system: Double
    /// The most memory that was resident at a time, in bytes: pages of files count too.
    public let peakResident: Int
    /// The bytes that disks gave for it, as the kernel counts them.
    public let diskRead: Int
    /// The bytes that disks took from it, likewise.
    public let diskWritten: Int
    /// What the sampler saw, when there was one.
    public let sampled: ResidentSplit

    /// `exit 1` or `signal 9`.
    public var ending: String {
      signal.map { "signal \($0)" } ?? exitStatus.map { "exit \($0)" } ?? "?"
    }
  }

  private let arguments: [String]

  /// Describes a command.
  /// - Parameter arguments: the program, looked up in `PATH`, and its arguments.
  public init(_ arguments: [String]) {
    self.arguments = arguments
  }

  /// Runs the command and waits for it.
  /// - Parameters:
  ///   - output: the file that gets its standard output.
  ///   - errors: the file that gets its standard error.
  ///   - group: the memory group that it starts in, nil for that of this process.
  ///   - samplesMemory: whether its resident pages are looked at every 10 ms, split by kind.
  /// - Returns: how it ended and what it used.
  /// - Throws: `BenchFailure` when it cannot be started.
  public func run(
    output: String, errors: String, group: MemoryGroup? = nil, samplesMemory: Bool = false
  ) throws -> Outcome {
    var command = arguments
    if let group {
      // The shell moves itself into the group and then becomes the command, so that the command's very
      // first page is counted.
      let script = "echo $$ > \"$0\" && exec \"$@\""
      command = ["/bin/sh", "-c", script, group.processesFile] + arguments
    }
    let clock = ContinuousClock()
    let start = clock.now
    let child = try spawn(command, output: output, errors: errors)
    var sampled = ResidentSplit()
    var status: CInt = 0
    var usage = rusage()
    if samplesMemory {
      while wait4(child, &status, WNOHANG, &usage) == 0 {
        sampled.include(process: child)
        usleep(10_000)
      }
    } else {
      while wait4(child, &status, 0, &usage) < 0 {
        guard errno == EINTR else { throw BenchFailure.system("wait4", command[0]) }
      }
    }
    let wall = start.duration(to: clock.now).inSeconds
    let signal = Int(status & 0x7f)
    return Outcome(
      exitStatus: signal == 0 ? Int((status >> 8) & 0xff) : nil,
      signal: signal == 0 ? nil : signal,
      wall: wall, user: usage.ru_utime.inSeconds, system: usage.ru_stime.inSeconds,
      peakResident: Int(usage.ru_maxrss) << 10, diskRead: Int(usage.ru_inblock) << 9,
      diskWritten: Int(usage.ru_oublock) << 9, sampled: sampled)
  }

  /// Runs the command and takes the first line that it prints.
  /// - Parameter scratch: a folder for what it says.
  /// - Returns: the line.
  /// - Throws: `BenchFailure` with its messages when it fails.
  public func firstLine(scratch: String) throws -> String {
    let output = scratch + "/child.out"
    let errors = scratch + "/child.err"
    let outcome = try run(output: output, errors: errors)
    guard outcome.succeeded else {
      let messages = String(decoding: try File.contents(of: errors).suffix(2000), as: UTF8.self)
      throw BenchFailure("\(arguments[0]): \(outcome.ending)\n\(messages)")
    }
    let text = String(decoding: try File.contents(of: output), as: UTF8.self)
    return text.split(separator: "\n").first.map(String.init) ?? ""
  }

  private func spawn(_ command: [String], output: String, errors: String) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o666)
    posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o666)
    var list = command.map { strdup($0) } + [nil]
    defer { for text in list { free(text) } }
    var child = pid_t()
    let code = posix_spawnp(&child, command[0], &actions, nil, &list, environ)
    guard code == 0 else { throw BenchFailure.system("cannot be started", command[0], code: code) }
    return child
  }
}

extension timeval {
  var inSeconds: Double { Double(tv_sec) + Double(tv_usec) * 1e-6 }
}

extension Duration {
  /// The duration in seconds.
  public var inSeconds: Double { self / .seconds(1) }
}
