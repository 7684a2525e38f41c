internal import SluiceCore
internal import SluiceFormats
internal import SluiceRun

/// How far a shared run is, for the screen.
enum ShareStatusDisplay {
  /// The status for people.
  static func text(_ status: ShareStatus, _ out: String) -> String {
    var text = "shared: \(status.shareCount) shares; \(next(status, out))\n"
    var rows = [["phase", "shares done", "of", "at work", "attempts", "time", "slowest share"]]
    for phase in status.phases {
      rows.append([
        phase.phase.rawValue, "\(status.shareCount - phase.missing.count)", "\(status.shareCount)",
        "\(phase.running.count)", "\(phase.attempts)", NumberFormat.seconds(phase.seconds),
        phase.slowest.map { "\($0.share) (\(NumberFormat.seconds($0.seconds)))" } ?? "",
      ])
    }
    text += Format.table(rows)
    for phase in status.phases where !phase.missing.isEmpty {
      text += "\(phase.phase.rawValue) is left to do: \(ShareNumber.list(phase.missing))\n"
    }
    return text
  }

  /// What is to be done next.
  private static func next(_ status: ShareStatus, _ out: String) -> String {
    for phase in status.phases {
      if !phase.missing.isEmpty { return "next: sluice work \(out)" }
      if phase.isReduced == false { return "next: sluice reduce \(out)" }
    }
    return "next: sluice finish \(out)"
  }

  /// The status as one JSON object.
  static func json(_ status: ShareStatus, _ out: String) -> String {
    JSONLine.text { json in
      json.member("event", .string("sharedStatus"))
      json.member("out", .string(out))
      json.member("shares", .integer(status.shareCount))
      json.key("phases")
      json.beginArray()
      for phase in status.phases {
        json.beginObject()
        json.member("name", .string(phase.phase.rawValue))
        json.list("missing", phase.missing.map { .integer($0) })
        json.list("running", phase.running.map { .integer($0) })
        json.member("attempts", .integer(phase.attempts))
        json.member("seconds", .double(phase.seconds))
        json.member("isReduced", phase.isReduced.map { .bool($0) } ?? .null)
        json.endObject()
      }
      json.endArray()
    }
  }
}
