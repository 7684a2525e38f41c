/// How a run ended, as the exit code of the process (sysexits where one fits).
public enum ExitCode: Int32, Sendable, Hashable {
  /// Everything asked for was done.
  case done = 0
  /// The command line or recipe is wrong.
  case usage = 64
  /// A checkpoint or other input file is wrong.
  case badInput = 65
  /// A defect in sluice.
  case `internal` = 70
  /// The disk or a file could not be read or written.
  case inputOutput = 74
  /// Stopped; the same command goes on.
  case stopped = 75
  /// The terminal is gone (SIGHUP).
  case hungUp = 129
  /// Stopped by a signal from the keyboard (SIGINT), or another one.
  case interrupted = 130
  /// Asked to end (SIGTERM), as shells and job systems know it.
  case terminated = 143
}

/// What a message is about, from the model down to the byte.
public struct Subject: Sendable, Hashable {
  /// The name of the model, as given on the command line; the base is `base`.
  public var model: String?
  /// The path of the file.
  public var file: String?
  /// The name of the tensor.
  public var tensor: String?
  /// Where in the file, in bytes from its start.
  public var byteRange: Range<Int>?

  /// Collects what is known.
  ///
  /// - Parameters:
  ///   - model: The name of the model.
  ///   - file: The path of the file.
  ///   - tensor: The name of the tensor.
  ///   - byteRange: Where in the file.
  public init(
    model: String? = nil, file: String? = nil, tensor: String? = nil, byteRange: Range<Int>? = nil
  ) {
    self.model = model
    self.file = file
    self.tensor = tensor
    self.byteRange = byteRange
  }
}

extension Subject: CustomStringConvertible {
  /// The known parts in one line: `model math, a.safetensors, tensor x, bytes 8..<24`.
  public var description: String {
    var parts: [String] = []
    if let model { parts.append("model \(model.printable)") }
    if let file { parts.append(file.printable(limit: 8192)) }
    if let tensor { parts.append("tensor \(tensor.printable)") }
    if let byteRange { parts.append("bytes \(byteRange.lowerBound)..<\(byteRange.upperBound)") }
    return parts.joined(separator: ", ")
  }
}

/// What went wrong, about what, and what to do: the content of every error that a user sees.
public struct Failure: Sendable, Hashable {
  /// The exit code that the failure leads to.
  public var exitCode: ExitCode
  /// What it is about.
  public var subject: Subject
  /// What happened, expected against found.
  public var message: String
  /// The next thing to do, if there is one.
  public var remedy: String?
  /// The system's error number, if a system call failed.
  public var systemError: Int32?

  /// Describes a failure.
  ///
  /// - Parameters:
  ///   - exitCode: The exit code that it leads to.
  ///   - subject: What it is about.
  ///   - message: What happened.
  ///   - remedy: What to do.
  ///   - systemError: The system's error number.
  public init(
    _ exitCode: ExitCode, subject: Subject = Subject(), message: String, remedy: String? = nil,
    systemError: Int32? = nil
  ) {
    self.exitCode = exitCode
    self.subject = subject
    self.message = message
    self.remedy = remedy
    self.systemError = systemError
  }
}

/// An error that says what a user needs: every module's error type is one, and only its type tells
/// which module found it.
public protocol SluiceError: Error, Sendable {
  /// The content.
  var failure: Failure { get set }

  /// Wraps a failure.
  init(_ failure: Failure)
}

extension SluiceError {
  /// A command line or recipe that is wrong.
  package static func usage(
    _ message: String, model: String? = nil, file: String? = nil, remedy: String? = nil
  ) -> Self {
    Self(
      Failure(
        .usage, subject: Subject(model: model, file: file), message: message, remedy: remedy))
  }

  /// A checkpoint or other input that is wrong.
  package static func badInput(
    _ message: String, model: String? = nil, file: String? = nil, tensor: String? = nil,
    byteRange: Range<Int>? = nil, remedy: String? = nil
  ) -> Self {
    Self(
      Failure(
        .badInput,
        subject: Subject(model: model, file: file, tensor: tensor, byteRange: byteRange),
        message: message, remedy: remedy))
  }

  /// The same error, about the given model where none was named.
  ///
  /// - Parameter model: The name of the model.
  /// - Returns: The error with its subject completed.
  public func about(model: String) -> Self {
    var copy = self
    if copy.failure.subject.model == nil { copy.failure.subject.model = model }
    return copy
  }

  /// The same error, about the given tensor where none was named.
  package func about(tensor: String) -> Self {
    var copy = self
    if copy.failure.subject.tensor == nil { copy.failure.subject.tensor = tensor }
    return copy
  }
}
