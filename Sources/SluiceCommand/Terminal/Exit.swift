internal import ArgumentParser
internal import Glibc
internal import SluiceCore
internal import SluiceFormats

/// The ends of the program: what was thrown becomes a message and an exit code.
enum Exit {
  /// Parses and runs the command, and ends the process where that fails.
  static func run(_ parse: () throws -> any ParsableCommand) {
    var output: OutputOptions?
    do {
      var command = try parse()
      output = (command as? any HasOutputOptions)?.output
      try command.run()
    } catch let error as any SluiceError {
      report(
        error.failure, isVerbose: output?.isVerbose ?? false, isJSON: output?.isJSON ?? false)
      exit(error.failure.exitCode.rawValue)
    } catch {
      // Help and the version are "errors" with exit code 0; real ones are wrong usage.
      let code = SluiceCommand.exitCode(for: error)
      if code.isSuccess {
        StandardOutput.write(SluiceCommand.fullMessage(for: error) + "\n")
        exit(ExitCode.done.rawValue)
      }
      let isUsage = error is ValidationError || code == .validationFailure
      StandardError.write(SluiceCommand.fullMessage(for: error) + "\n")
      exit((isUsage ? SluiceCore.ExitCode.usage : .internal).rawValue)
    }
  }

  /// Writes an error as users see it: what it is about, what happened, what to do.
  static func report(_ failure: Failure, isVerbose: Bool, isJSON: Bool) {
    if isJSON { return reportJSON(failure) }
    let subject = failure.subject.description
    StandardError.writeLine("error: " + (subject.isEmpty ? "" : subject + ": ") + failure.message)
    if let remedy = failure.remedy { StandardError.writeLine("hint: \(sentence(remedy))") }
    if isVerbose, let number = failure.systemError {
      // SAFETY: the C library's own text, copied at once.
      let text = unsafe strerror(number).map { unsafe String(cString: $0) } ?? ""
      StandardError.writeLine("cause: \(text) (error \(number) of the system)")
    }
  }

  private static func reportJSON(_ failure: Failure) {
    JSONLine.write(to: StandardError.self) { json in
      json.member("event", .string("error"))
      json.member("exitCode", .integer(Int(failure.exitCode.rawValue)))
      json.member("subject", .string(failure.subject.description))
      json.member("message", .string(failure.message))
      json.member("hint", failure.remedy.map { .string(sentence($0)) } ?? .null)
    }
  }

  /// A hint as a sentence, whoever wrote it.
  private static func sentence(_ text: String) -> String {
    let end = text.hasSuffix(".") || text.hasSuffix("?") ? "" : "."
    return text.prefix(1).uppercased() + text.dropFirst() + end
  }

  private typealias ExitCode = SluiceCore.ExitCode
}

/// A command that has the options about what is shown.
protocol HasOutputOptions {
  var output: OutputOptions { get }
}
