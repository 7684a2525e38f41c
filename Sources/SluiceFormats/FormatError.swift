internal import Glibc
package import SluiceCore

/// A file that is not what it should be, or a system call on a file that failed.
package struct FormatError: SluiceError, Hashable {
  /// The content.
  package var failure: Failure

  /// Wraps a failure.
  package init(_ failure: Failure) { self.failure = failure }

  /// A file whose content breaks a rule of its format.
  static func malformed(
    _ message: String, file: String?, tensor: String? = nil, byteRange: Range<Int>? = nil,
    remedy: String? = nil
  ) -> FormatError {
    FormatError.badInput(message, file: file, tensor: tensor, byteRange: byteRange, remedy: remedy)
  }

  /// A failed system call, with the system's own words after what was attempted.
  static func system(
    _ attempt: String, errno number: Int32, file: String, byteRange: Range<Int>? = nil,
    remedy: String? = nil, exitCode: ExitCode = .inputOutput
  ) -> FormatError {
    FormatError(
      Failure(
        exitCode, subject: Subject(file: file, byteRange: byteRange),
        message: "\(attempt): \(systemErrorText(number))", remedy: remedy,
        systemError: number))
  }
}

/// One factory for each system call that can fail.
extension FormatError {
  /// Opening an input: a wrong path is bad input, anything else a fault of the disk or system.
  static func open(_ file: String, errno number: Int32) -> FormatError {
    let remedy: String? =
      switch number {
      case EMFILE, ENFILE: "raise the limit of open files (ulimit -n) and start again"
      case ENOENT: "check the path"
      default: nil
      }
    return system(
      "cannot open", errno: number, file: file, remedy: remedy, exitCode: exitCode(number))
  }

  /// Something in the place of a directory that runs have to themselves.
  static func foreignDirectory(_ path: String, _ what: String) -> FormatError {
    FormatError.usage(
      "this is where unfinished work is kept, but \(what)", file: path,
      remedy: "Remove it, or choose another --out.")
  }

  static func create(_ file: String, errno number: Int32) -> FormatError {
    system("cannot create", errno: number, file: file)
  }

  static func status(_ file: String, errno number: Int32) -> FormatError {
    system("cannot look up", errno: number, file: file, exitCode: exitCode(number))
  }

  static func list(_ file: String, errno number: Int32) -> FormatError {
    system("cannot list the directory", errno: number, file: file, exitCode: exitCode(number))
  }

  static func read(_ file: String, range: Range<Int>, errno number: Int32) -> FormatError {
    system("cannot read", errno: number, file: file, byteRange: range)
  }

  static func map(_ file: String, range: Range<Int>, errno number: Int32) -> FormatError {
    system(
      "cannot map", errno: number, file: file, byteRange: range, remedy: "try again with --io pread"
    )
  }

  static func write(_ file: String, range: Range<Int>, errno number: Int32) -> FormatError {
    system(
      "cannot write", errno: number, file: file, byteRange: range,
      remedy: number == ENOSPC || number == EDQUOT
        ? "free space, then start the same command again" : nil)
  }

  /// Making room for what does not fit in memory.
  package static func scratch(
    _ attempt: String, file: String, errno number: Int32
  ) -> FormatError {
    system(
      attempt, errno: number, file: file,
      remedy: number == ENOSPC || number == EDQUOT ? "free space, or choose another place" : nil)
  }

  static func sync(_ file: String, errno number: Int32) -> FormatError {
    system("cannot write to the disk", errno: number, file: file)
  }

  static func rename(_ file: String, to target: String, errno number: Int32) -> FormatError {
    system("cannot rename to \(target.printable)", errno: number, file: file)
  }

  static func remove(_ file: String, errno number: Int32) -> FormatError {
    system("cannot remove", errno: number, file: file)
  }

  static func shortRead(_ file: String, range: Range<Int>, found: Int) -> FormatError {
    FormatError(
      Failure(
        .inputOutput, subject: Subject(file: file, byteRange: range),
        message: "expected \(range.count) bytes, found \(found): the file ends too early",
        remedy: "the file changed or shrank while it was being read; do not write to inputs"))
  }

  static func changed(
    _ file: String, _ what: String, range: Range<Int>? = nil
  ) -> FormatError {
    FormatError(
      Failure(
        .inputOutput, subject: Subject(file: file, byteRange: range),
        message: "the file changed while it was being read: \(what)",
        remedy: "run again when nothing writes to the inputs"))
  }

  private static func exitCode(_ number: Int32) -> ExitCode {
    let wrongPath = [ENOENT, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG, EACCES]
    return wrongPath.contains(number) ? .badInput : .inputOutput
  }
}

/// The system's own words for an error number.
private func systemErrorText(_ number: Int32) -> String {
  // Safety: the text stays until the next call on this thread's error, and is copied at once.
  unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
}
