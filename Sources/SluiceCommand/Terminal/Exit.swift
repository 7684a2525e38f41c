internal import ArgumentParser
internal import Glibc
internal import SluiceCore
internal import SluiceFormats

/// The ends of the program: what was thrown becomes a message and an exit code.
enum Exit {
  /// Parses and runs the command, and ends the process.
  static func run(_ parse: () throws -> any ParsableCommand) -> Never {
    let code = code(of: parse)
    exit(code.rawValue)
  }

  private static func code(of parse: () throws -> any ParsableCommand) -> ExitCode {
    var output: OutputOptions?
    do {
      var command = try parse()
      output = (command as? any HasOutputOptions)?.output
      try command.run()
      return .done
    } catch let error as any SluiceError {
      report(
        error.failure, isVerbose: output?.isVerbose ?? false, isJSON: output?.isJSON ?? false)
      return error.failure.exitCode
    } catch {
      // Help and the version are "errors" with exit code 0; real ones are wrong usage.
      let code = SluiceCommand.exitCode(for: error)
      if code.isSuccess {
        StandardOutput.write(SluiceCommand.fullMessage(for: error) + "\n")
        return .done
      }
      let isUsage = error is ValidationError || code == .validationFailure
      let exitCode = isUsage ? SluiceCore.ExitCode.usage : .internal
      reportParsing(error, exitCode)
      return exitCode
    }
  }

  /// Writes an error as users see it: what it is about, what happened, what to do.
  static func report(_ failure: Failure, isVerbose: Bool, isJSON: Bool) {
    if isJSON { return reportJSON(failure) }
    let subject = failure.subject.description
    StandardError.writeLine(
      "error", .error, (subject.isEmpty ? "" : subject + ": ") + failure.message)
    if let remedy = failure.remedy { StandardError.writeLine("hint", .hint, sentence(remedy)) }
    if isVerbose, let number = failure.systemError {
      // SAFETY: the C library's own text, copied at once.
      let text = unsafe strerror(number).map { unsafe String(cString: $0) } ?? ""
      StandardError.writeLine("cause: \(text) (error \(number) of the system)")
    }
  }

  /// Writes what is wrong with the command line in the words and form of all other errors.
  private static func reportParsing(_ error: any Error, _ exitCode: SluiceCore.ExitCode) {
    let isJSON = CommandLine.arguments.contains("--json")
    if let failure = CommandLineCheck.unknownOption(Array(CommandLine.arguments.dropFirst())) {
      return report(failure, isVerbose: false, isJSON: isJSON)
    }
    let message = oneLine(SluiceCommand.message(for: error))
    let first = message.prefix(1).lowercased() + message.dropFirst()
    // What follows the message: how the command is used, and where to read more.
    let lines = SluiceCommand.fullMessage(for: error).split(separator: "\n").map(String.init)
    let usage = lines.filter { $0.hasPrefix("Usage: ") || $0.hasPrefix("  See ") }
    var failure = Failure(exitCode, message: String(first))
    failure.remedy = usage.last.map { line in String(line.drop { $0 == " " }) }
    report(failure, isVerbose: false, isJSON: isJSON)
  }

  /// A message in one line: words that stand in a list below it come behind it.
  private static func oneLine(_ message: String) -> String {
    let lines = message.split(separator: "\n").map { $0.drop { $0 == " " } }
    let words = lines.dropFirst().map { $0.hasPrefix("- ") ? $0.dropFirst(2) : $0 }
    return (lines.prefix(1) + (words.isEmpty ? [] : [words.joined(separator: ", ") + "."]))
      .joined(separator: " ")
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
