internal import SluiceCore
internal import SluiceFormats

/// Warnings as they are shown while a command runs: those of a kind about one model together.
enum WarningDisplay {
  private static let limit = 20

  static func show(_ warnings: [Warning], options: OutputOptions) {
    if options.isJSON {
      for warning in warnings { showJSON(warning) }
      return
    }
    guard !options.isQuiet else { return }
    let groups = groups(of: warnings)
    for group in groups.prefix(limit) {
      guard let first = group.first else { continue }
      let more = group.count > 1 ? " (and \(group.count - 1) more of this kind)" : ""
      StandardError.writeLine("warning", .warning, "\(first.subject): \(first.message)\(more)")
    }
    if groups.count > limit {
      let count = groups.dropFirst(limit).reduce(0) { $0 + $1.count }
      StandardError.writeLine("warning", .warning, "and \(count) more, listed in the report")
    }
  }

  /// The warnings of each kind about each model, in the order in which the first of them came.
  static func groups(of warnings: [Warning]) -> [[Warning]] {
    var groups: [[Warning]] = []
    var places: [String: Int] = [:]
    for warning in warnings {
      let key = "\(warning.kind.rawValue) \(warning.subject.model ?? "")"
      // What is about no tensor is said once anyway.
      if warning.subject.tensor != nil, let place = places[key] {
        groups[place].append(warning)
      } else {
        places[key] = groups.count
        groups.append([warning])
      }
    }
    return groups
  }

  private static func showJSON(_ warning: Warning) {
    JSONLine.write(to: StandardError.self) { json in
      json.member("event", .string("warning"))
      json.member("kind", .string(warning.kind.rawValue))
      json.member("subject", .string(warning.subject.description))
      json.member("message", .string(warning.message))
    }
  }
}
