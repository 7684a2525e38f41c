internal import SluiceCore
internal import SluiceFormats
internal import SluiceRun

/// What a reader of the page wants to know first.
struct PageHead {
  let facts: ReportedMerge
  let path: String

  private var linear: ChangeTotal { ChangeTotal(facts.changes.filter(\.isLinear)) }
  private var all: ChangeTotal { ChangeTotal(facts.changes) }
  private var names: String { PageHead.list(facts.models.map(\.name)) }

  /// `a`, `a and b`, `a, b and c`.
  static func list(_ words: [String]) -> String {
    guard words.count > 1, let last = words.last else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " and " + last
  }

  /// The share of the changes in linear layers that is left, of all models together.
  private var kept: Double? {
    let counted = facts.models.filter { !$0.layers.isEmpty }
    if counted.count == facts.models.count, !counted.isEmpty {
      let elements = counted.reduce(0) { $0 + $1.layers.reduce(0) { $0 + $1.elements } }
      let kept = counted.reduce(0) { $0 + $1.layers.reduce(0) { $0 + $1.keptInAll } }
      return elements > 0 ? kept / elements : nil
    }
    let shares = facts.models.indices.compactMap { linear.keptShare($0) }
    return shares.isEmpty ? nil : shares.reduce(0, +) / Double(shares.count)
  }

  /// The pair of models that contradict each other most.
  private var conflict: (share: Double, names: String)? {
    ChangePictures(facts).pairs.compactMap { pair in
      linear.conflict(pair.first, pair.second).map {
        ($0, "\(facts.models[pair.first].name) and \(facts.models[pair.second].name)")
      }
    }.max { $0.0 < $1.0 }
  }

  /// The merge in one sentence.
  var sentence: String {
    var text = "\(names) merged into one model"
    var parts: [String] = []
    if let kept { parts.append("\(Numbers.share(kept)) of the elements of linear layers kept") }
    if let conflict {
      parts.append("\(Numbers.share(conflict.share)) of what is kept contradicts the other model")
      if facts.models.count > 2 {
        parts[parts.count - 1] =
          "at most \(Numbers.share(conflict.share)) of what two models keep is in conflict"
      }
    }
    if !parts.isEmpty { text += ": " + parts.joined(separator: ", ") }
    return text
  }

  /// The numbers that stand out: at most four.
  private var cards: [(number: String, text: String)] {
    var cards: [(String, String)] = []
    if let size = all.relativeMerged {
      cards.append((Numbers.share(size), "size of what was added, beside the base's weights"))
    }
    if let kept { cards.append((Numbers.share(kept), "of linear layers' deltas kept")) }
    if let conflict {
      cards.append(
        (Numbers.share(conflict.share), "of them kept with both signs, by \(conflict.names)"))
    }
    let cosines = facts.models.indices.compactMap { model in
      all.cosine(model).map { (Numbers.fixed($0, 2), facts.models[model].name) }
    }
    if (1...4).contains(cosines.count) {
      cards.append(
        (
          cosines.map(\.0).joined(separator: " · "),
          "likeness to the change of \(PageHead.list(cosines.map(\.1))) (cosine)"
        ))
    }
    for (key, text) in [("bytesWritten", "written"), ("bytesRead", "read")]
    where cards.count < 4 {
      if let bytes = facts.totals[key]?.number { cards.append((Numbers.bytes(bytes), text)) }
    }
    if cards.count < 4, let seconds = facts.totals["seconds"]?.number {
      cards.append((Numbers.seconds(seconds), "in all"))
    }
    return cards
  }

  /// Writes the head of the page.
  func write(to page: inout Markup) {
    page.element("header") { page in
      page.element("h1", text: sentence)
      page.element(
        "p", ["class": "lead"],
        text: "Into \(facts.base), pruned by \(facts.prune), merged by \(facts.merging).")
    }
    page.cards(cards)
    warnings(&page)
    let directory = Directory.parent(of: path)
    page.command(
      "To make it again:",
      "sluice run \(PageHead.quoted("\(directory)/sluice-recipe.yaml")) again")
  }

  private func warnings(_ page: inout Markup) {
    guard !facts.warnings.isEmpty else { return }
    let count = facts.warnings.count
    page.element("section", ["class": "warnings"]) { page in
      page.element("h2", text: "\(count) warning\(count == 1 ? "" : "s")")
      page.element("ul") { list in
        for warning in facts.warnings.prefix(5) { PageHead.write(warning, to: &list) }
      }
      guard count > 5 else { return }
      page.element("details") { page in
        page.element("summary", text: "\(count - 5) more")
        page.element("ul") { list in
          for warning in facts.warnings.dropFirst(5).prefix(500) {
            PageHead.write(warning, to: &list)
          }
        }
      }
    }
    page.newLine()
  }

  private static func write(
    _ warning: (kind: String, subject: String, message: String), to list: inout Markup
  ) {
    list.element("li", text: "\(warning.kind): \(warning.subject): \(warning.message)")
    list.newLine()
  }

  /// A word as a shell takes it.
  static func quoted(_ word: String) -> String {
    let isPlain = word.unicodeScalars.allSatisfy {
      $0.isASCII
        && ($0.properties.isAlphabetic || ("0"..."9").contains($0)
          || "/._-+,:@%".unicodeScalars.contains($0))
    }
    return isPlain ? word : word.quotedForShell
  }
}
