internal import ArgumentParser
internal import Glibc
internal import SluiceCore

/// The ends of the program: what was thrown becomes a message and an exit code.
enum Exit {
  /// Parses and runs the command, and ends the process where that fails.
  static func run(_ parse: () throws -> any ParsableCommand) {
    var isVerbose = false
    do {
      var command = try parse()
      isVerbose = (command as? any HasOutputOptions)?.output.isVerbose ?? false
      try command.run()
    } catch let error as any SluiceError {
      report(error.failure, isVerbose: isVerbose)
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
  static func report(_ failure: Failure, isVerbose: Bool) {
    let subject = failure.subject.description
    StandardError.write(
      "error: " + (subject.isEmpty ? "" : subject + ": ") + failure.message + "\n")
    if let remedy = failure.remedy { StandardError.write("hint: \(remedy)\n") }
    if isVerbose, let number = failure.systemError {
      StandardError.write("cause: system error \(number)\n")
    }
  }

  private typealias ExitCode = SluiceCore.ExitCode
}

/// A command that has the options about what is shown.
protocol HasOutputOptions {
  var output: OutputOptions { get }
}
