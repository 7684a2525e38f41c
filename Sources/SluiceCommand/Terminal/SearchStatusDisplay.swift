internal import SluiceCore
internal import SluiceFormats
internal import SluiceSearch

/// How far a search is, for people and for programs.
enum SearchStatusDisplay {
  static func text(_ status: SearchStatus, _ out: String) -> String {
    var text =
      switch status.state {
      case .finished: "finished: \(out)/\(SearchResult.fileName) has the factors\n"
      case .stopped: "stopped: run the same command again to resume the search\n"
      case .running(let holder): "running: \(holder.isEmpty ? "a process" : holder) is at work\n"
      }
    var rows = [["model", "evaluated", "last", "evaluators took"]]
    for model in status.models {
      rows.append([
        model.name.printable, "\(model.evaluated)", model.last.printable,
        NumberFormat.seconds(model.seconds),
      ])
    }
    text += status.models.isEmpty ? "nothing is evaluated yet\n" : Format.table(rows)
    return text
  }

  static func json(_ status: SearchStatus, _ out: String) -> String {
    JSONLine.text { json in
      json.member("event", .string("status"))
      json.member("out", .string(out))
      json.member("kind", .string("search"))
      switch status.state {
      case .finished: json.member("state", .string("finished"))
      case .stopped: json.member("state", .string("stopped"))
      case .running(let holder):
        json.member("state", .string("running"))
        json.member("holder", .string(holder))
      }
      json.key("models")
      json.beginArray()
      for model in status.models {
        json.beginObject()
        json.member("name", .string(model.name))
        json.member("evaluated", .integer(model.evaluated))
        json.member("last", .string(model.last))
        json.member("seconds", .double(model.seconds))
        json.endObject()
      }
      json.endArray()
    }
  }
}
