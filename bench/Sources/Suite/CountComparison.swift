import Measuring

/// Counts beside stored ones.
public struct CountComparison: Hashable, Sendable {
  /// What is worse than stored, a sentence each.
  public private(set) var regressions: [String] = []
  /// What is better than stored or not stored at all, a sentence each: a reason to store anew.
  public private(set) var news: [String] = []

  /// Compares the counts of scenarios.
  /// - Parameters:
  ///   - measured: what was counted now, by scenario.
  ///   - stored: what is stored; scenarios that were not counted now are passed over.
  public init(measured: [CountedScenario], stored: [String: Counts]) {
    for scenario in measured {
      let (name, counts) = (scenario.name, scenario.counts)
      guard let before = stored[name] else {
        news.append("\(name): no counts are stored")
        continue
      }
      compare(name, counts.passes, before.passes)
      for quantity in Counts.Quantity.allCases {
        compare(name, quantity, counts.values[quantity], before.values[quantity])
      }
    }
  }

  private mutating func compare(
    _ name: String, _ now: [Counts.Pass], _ before: [Counts.Pass]
  ) {
    guard now.map(\.name) == before.map(\.name) else {
      let was = before.map(\.name).joined(separator: ", ")
      let sentence = "\(name): passes \(now.map(\.name).joined(separator: ", ")), stored \(was)"
      if now.count < before.count { news.append(sentence) } else { regressions.append(sentence) }
      return
    }
    for (now, before) in zip(now, before) {
      let label = "\(name): pass \(now.name):"
      compare(label, "bytesRead", now.bytesRead, before.bytesRead, .bytesRead)
      compare(label, "bytesSpilled", now.bytesSpilled, before.bytesSpilled, .bytesSpilled)
      compare(label, "bytesWritten", now.bytesWritten, before.bytesWritten, .bytesWritten)
    }
  }

  private mutating func compare(
    _ label: String, _ what: String, _ now: Int, _ before: Int, _ like: Counts.Quantity
  ) {
    judge("\(label) \(what)", Double(now), Double(before), like)
  }

  private mutating func compare(
    _ name: String, _ quantity: Counts.Quantity, _ now: Double?, _ before: Double?
  ) {
    switch (now, before) {
    case (let now?, let before?): judge("\(name): \(quantity.rawValue)", now, before, quantity)
    case (_?, nil): news.append("\(name): \(quantity.rawValue) is not stored")
    case (nil, _?): regressions.append("\(name): \(quantity.rawValue) is stored, but not counted")
    case (nil, nil): break
    }
  }

  private mutating func judge(
    _ what: String, _ now: Double, _ before: Double, _ quantity: Counts.Quantity
  ) {
    let tolerance = quantity.tolerance
    let room = before * tolerance.share + tolerance.constant
    let sentence = "\(what) \(text(now)), stored \(text(before))"
    if now > before + room { regressions.append("\(sentence), at most \(text(before + room))") }
    if now < before - room && !quantity.isPeak { news.append(sentence) }
  }

  private func text(_ value: Double) -> String {
    Int(exactly: value).map { "\($0)" } ?? value.fixed(2)
  }
}
