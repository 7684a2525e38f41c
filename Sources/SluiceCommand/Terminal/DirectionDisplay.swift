internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan

/// What the directions of a family's offsets say, for people and for programs.
enum DirectionDisplay {
  /// The rank that tables of layers are about.
  private static let shownRank = 2
  private static let ranks = FamilyDirections.ranks

  static func text(_ family: FamilyDirections) -> String {
    let models = family.models.indices
    var rows = [["", "effective rank"] + ranks.map { "in \($0)" }]
    for model in models {
      rows.append(
        [family.models[model].printable, rank(family.effectiveRank(model))]
          + ranks.indices.map { percent(family.share(model, in: model, $0)) })
    }
    var text = "directions of linear layers: the share of squares that so many hold\n"
    text += Format.table(rows)
    text += pairs(family)
    for model in models {
      text +=
        "\n\(family.models[model].printable): effective ranks\n"
        + layers(family) { rank($0.effectiveRank(model)) }
      text +=
        "\n\(family.models[model].printable): the share of squares in \(ranks[shownRank]) directions\n"
        + layers(family) { percent($0.share(model, in: model, shownRank)) }
    }
    for (model, other) in pairs(of: models) {
      text +=
        "\n\(name(family, model, other)): overlap of \(ranks[shownRank]) directions\n"
        + layers(family) { percent($0.overlap(model, other, shownRank)) }
    }
    return text
  }

  /// What models have in common, over all layers.
  private static func pairs(_ family: FamilyDirections) -> String {
    let pairs = pairs(of: family.models.indices)
    guard !pairs.isEmpty else { return "" }
    var rows = [["overlap of directions"] + ranks.map { "of \($0)" }]
    for (model, other) in pairs {
      rows.append(
        [name(family, model, other)]
          + ranks.indices.map { percent(family.overlap(model, other, $0)) })
      rows.append(
        ["  by chance"] + ranks.indices.map { percent(family.chance(model, other, $0)) })
    }
    var shares = [["squares in another's directions"] + ranks.map { "in \($0)" }]
    for (first, second) in pairs {
      for (model, other) in [(first, second), (second, first)] {
        shares.append(
          ["\(family.models[model].printable) in those of \(family.models[other].printable)"]
            + ranks.indices.map { percent(family.share(model, in: other, $0)) })
      }
    }
    return "\n" + Format.table(rows) + "\n" + Format.table(shares)
  }

  private static func pairs(of models: Range<Int>) -> [(Int, Int)] {
    models.flatMap { model in models.dropFirst(model + 1).map { (model, $0) } }
  }

  private static func name(_ family: FamilyDirections, _ model: Int, _ other: Int) -> String {
    "\(family.models[model].printable), \(family.models[other].printable)"
  }

  private static func layers(
    _ family: FamilyDirections, _ cell: (FamilyDirections.Layer) -> String
  ) -> String {
    LayerTable.text(family.layers.map { ($0.name, cell($0)) })
  }

  private static func percent(_ share: Double?) -> String {
    share.map { NumberFormat.percent($0) } ?? "-"
  }

  private static func rank(_ rank: Double?) -> String {
    rank.map { NumberFormat.fixed($0, 1) } ?? "-"
  }
}

extension DirectionDisplay {
  static func json(_ family: FamilyDirections) -> String {
    JSONLine.text { json in
      json.member("event", .string("directions"))
      json.list("models", family.models.map { .string($0) })
      json.list("ranks", ranks.map { .integer($0) })
      let models = family.models.indices
      figures(&json, models, rank: family.effectiveRank, share: family.share) {
        family.overlap($0, $1, $2)
      }
      json.key("chance")
      square(models, &json) { model, other in ranks.indices.map { family.chance(model, other, $0) }
      }
      json.key("layers")
      json.beginArray()
      for layer in family.layers {
        json.beginObject(isOnOneLine: true)
        json.member("name", .string(layer.name))
        json.member("inputs", .integer(layer.inputCount))
        json.list("directions", layer.counts.map { .integer($0) })
        json.list("squares", layer.energies.map { .double($0) })
        figures(
          &json, models, rank: layer.effectiveRank, share: layer.share, overlap: layer.overlap)
        json.endObject()
      }
      json.endArray()
    }
  }

  /// The figures of a layer, or of all.
  private static func figures(
    _ json: inout JSONWriter, _ models: Range<Int>, rank: (Int) -> Double?,
    share: (Int, Int, Int) -> Double?, overlap: (Int, Int, Int) -> Double?
  ) {
    json.list("effectiveRanks", models.map { number(rank($0)) })
    json.key("held")
    square(models, &json) { model, other in ranks.indices.map { share(model, other, $0) } }
    json.key("overlap")
    square(models, &json) { model, other in ranks.indices.map { overlap(model, other, $0) } }
  }

  /// For each model and each other a list.
  private static func square(
    _ models: Range<Int>, _ json: inout JSONWriter, _ values: (Int, Int) -> [Double?]
  ) {
    json.beginArray(isOnOneLine: true)
    for model in models {
      json.beginArray(isOnOneLine: true)
      for other in models {
        json.beginArray(isOnOneLine: true)
        for value in values(model, other) { json.value(number(value)) }
        json.endArray()
      }
      json.endArray()
    }
    json.endArray()
  }

  private static func number(_ value: Double?) -> JSONScalar { value.map { .double($0) } ?? .null }
}
