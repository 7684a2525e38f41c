internal import SluiceFormats
internal import SluiceRun

/// Every figure of every tensor, a part for each block that opens on demand.
struct BlockSections {
  let facts: ReportedMerge

  private var groups: [(block: String, changes: [ReportedChange])] {
    let groups = Dictionary(grouping: facts.changes, by: \.block)
    return groups.keys.sorted { first, second in
      // What is in no block comes last.
      if first.isEmpty || second.isEmpty { return !first.isEmpty && second.isEmpty }
      return NaturalOrder.isOrderedBefore(first, second)
    }.map { block in
      (block, (groups[block] ?? []).sorted { NaturalOrder.isOrderedBefore($0.name, $1.name) })
    }
  }

  /// Writes the parts and the list of links to them.
  func write(to page: inout Markup) {
    let groups = groups
    page.element("nav", ["aria-label": "Blocks"]) { page in
      for group in groups.prefix(BlockSections.limit) {
        page.element(
          "a", ["href": "#\(id(group.block))"],
          text: group.block.isEmpty ? "others" : LayerPictures.number(of: group.block))
        page.put(" ")
      }
    }
    for group in groups.prefix(BlockSections.limit) {
      page.element("details", ["id": id(group.block)]) { page in
        let total = ChangeTotal(group.changes)
        page.element(
          "summary",
          text: (group.block.isEmpty ? "Outside of blocks" : group.block)
            + ": changed by \(Numbers.share(total.relativeMerged))")
        page.table(table(group.block, group.changes))
      }
      page.newLine()
    }
    if groups.count > BlockSections.limit {
      page.note(
        "The first \(BlockSections.limit) of \(groups.count) blocks; all are in the report.")
    }
  }

  /// The most blocks that the page has.
  private static let limit = 160

  private func id(_ block: String) -> String {
    let letters = block.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
    return "block-" + (letters.isEmpty ? "none" : String(letters))
  }

  private func table(_ block: String, _ changes: [ReportedChange]) -> Picture.Table {
    var head = ["tensor", "elements", "measured", "changed by"]
    for model in facts.models {
      head += ["\(model.name): change", "kept", "cosine", "inherited"]
    }
    let pairs = ChangePictures(facts).pairs.prefix(3)
    for pair in pairs {
      let names = "\(facts.models[pair.first].name), \(facts.models[pair.second].name)"
      head += ["\(names): cosine", "same sign", "overlap", "conflicts"]
    }
    return Picture.Table(
      head: head,
      rows: changes.map { change in
        var row = [
          short(change.name, in: block), Numbers.grouped(change.elements),
          change.measured < change.elements
            ? Numbers.share(change.measured / change.elements) : "all",
          Numbers.share(change.relativeMerged),
        ]
        for model in facts.models.indices {
          let own = change.model(model)
          row += [
            Numbers.share(change.relative(model)), Numbers.share(own?.keptShare),
            decimal(own?.cosine), decimal(own?.inherited),
          ]
        }
        for pair in pairs {
          let own = change.pair(pair.first, pair.second)
          row += [
            decimal(own?.cosine), Numbers.share(own?.sameSign), Numbers.share(own?.overlap),
            Numbers.share(own?.conflict),
          ]
        }
        return row
      })
  }

  private func decimal(_ value: Double?) -> String { value.map { Numbers.fixed($0, 3) } ?? "-" }

  /// The name of a tensor in its block.
  private func short(_ name: String, in block: String) -> String {
    guard !block.isEmpty, name.hasPrefix(block + ".") else { return name }
    return String(name.dropFirst(block.count + 1))
  }
}
