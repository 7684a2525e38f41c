internal import ArgumentParser
internal import SluiceCore
internal import SluiceFormats
internal import SluiceRun
internal import SluiceRecipe
internal import SluiceSearch

struct StatusCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Tell how far the run or search in an output directory is.",
    discussion: """
      It can be asked at any time, also while the run goes on, on one machine or on many.

      Example:
        sluice status merged
      """)

  @Argument(help: "The --out of the run or search.", completion: .directory)
  var out: String

  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    if let search = try SearchStatus(of: out) {
      StandardOutput.write(
        output.isJSON
          ? SearchStatusDisplay.json(search, out) : SearchStatusDisplay.text(search, out))
      return
    }
    if case .prepared(let run) = try SharedRun.look(at: out) {
      let status = try ShareStatus(of: run)
      StandardOutput.write(
        output.isJSON ? ShareStatusDisplay.json(status, out) : ShareStatusDisplay.text(status, out))
      return
    }
    let status = try RunStatus(of: out)
    StandardOutput.write(output.isJSON ? json(status) : text(status))
  }

  private func text(_ status: RunStatus) -> String {
    var text =
      switch status.state {
      case .finished: "finished: \(out) holds a merged model\n"
      case .stopped: "stopped: run the same command again to resume it\n"
      case .running(let holder): "running: \(holder.isEmpty ? "a process" : holder) is at work\n"
      }
    guard status.state != .finished else { return text }
    if status.attempts > 0 {
      let times = status.attempts == 1 ? "1 attempt" : "\(status.attempts) attempts"
      text += "\(times), \(NumberFormat.seconds(status.seconds)) recorded\n"
    }
    if output.isVerbose {
      for note in status.notes {
        text += "\(note.name.printable): \(note.value.printable)\n"
      }
    }
    var rows = [["finished work", "units", "of", "bytes", "of", "share"]]
    for phase in status.phases {
      let share = phase.totalByteCount.map { Double(phase.byteCount) / Double(max($0, 1)) }
      rows.append([
        phase.name.printable, NumberFormat.grouped(phase.units),
        phase.totalUnits.map { NumberFormat.grouped($0) } ?? "?",
        "\(ByteCount(phase.byteCount))", phase.totalByteCount.map { "\(ByteCount($0))" } ?? "?",
        share.map { NumberFormat.percent($0) } ?? "",
      ])
    }
    text += Format.table(rows)
    if status.isPublishing { text += "all is merged; files are getting their names\n" }
    return text
  }

  private func json(_ status: RunStatus) -> String {
    JSONLine.text { json in
      json.member("event", .string("status"))
      json.member("out", .string(out))
      switch status.state {
      case .finished: json.member("state", .string("finished"))
      case .stopped: json.member("state", .string("stopped"))
      case .running(let holder):
        json.member("state", .string("running"))
        json.member("holder", .string(holder))
      }
      json.member("attempts", .integer(status.attempts))
      json.member("seconds", .double(status.seconds))
      json.member("isPublishing", .bool(status.isPublishing))
      json.key("phases")
      json.beginArray()
      for phase in status.phases {
        json.beginObject()
        json.member("name", .string(phase.name))
        json.member("units", .integer(phase.units))
        json.member("totalUnits", phase.totalUnits.map { .integer($0) } ?? .null)
        json.member("bytes", .integer(phase.byteCount))
        json.member("totalBytes", phase.totalByteCount.map { .integer($0) } ?? .null)
        json.endObject()
      }
      json.endArray()
    }
  }
}
