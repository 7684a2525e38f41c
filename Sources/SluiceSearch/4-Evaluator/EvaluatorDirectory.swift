internal import CSluiceSystem
internal import SluiceDataflow
internal import SluiceFormats

/// One of the places in which evaluators run at the same time.
///
/// A note in the work directory says which process runs there: if this process is killed, the next one
/// ends what is left of it before it takes the candidate away.
struct EvaluatorDirectory {
  let job: Int
  /// Where notes are kept.
  let directory: String
  let cancellation: Cancellation

  private static let prefix = "evaluator-"
  private var path: String { "\(directory)/\(EvaluatorDirectory.prefix)\(job)" }

  /// Notes a process that has just been started.
  func note(_ process: Int32) {
    let text =
      "\(process) \(sluice_program_start_time(process)) \(EvaluatorDirectory.mark(directory))\n"
    // Without the note a process could outlive a kill; that is no reason to end the search.
    try? AtomicFile.write(Array(text.utf8), to: path)
  }

  /// Forgets it, once it has ended.
  func forget() { try? Directory.removeFile(path) }

  /// What a note has that was made in this very directory: one that came from elsewhere ends nothing.
  private static func mark(_ directory: String) -> String {
    let inode = (try? FileStatus.of(directory))??.inode ?? 0
    return Hash128(of: Array("evaluator \(inode)".utf8)).hexadecimal
  }

  /// Ends what a killed search left running.
  static func endLeftovers(in directory: String) -> Int {
    var count = 0
    for entry in (try? Directory.list(directory)) ?? [] where entry.name.hasPrefix(prefix) {
      let path = "\(directory)/\(entry.name)"
      let bytes = (try? InputFile.contents(of: path, byteLimit: 4096)) ?? []
      let numbers = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
      if numbers.count == 3, numbers[2] == mark(directory), let process = Int32(numbers[0]),
        let time = UInt64(numbers[1])
      {
        count += Int(sluice_program_kill_leftover(process, time))
      }
      try? Directory.removeFile(path)
    }
    return count
  }
}
