internal import SluiceSearch

/// Pictures of the way of a search: the paper's Figure 2.
struct SearchPictures {
  let model: SearchResult.Model
  var steps: [SearchResult.Step] { model.trajectory }

  /// The candidates of two partitions as places, in the order in which they were asked for.
  func map() -> Picture? {
    let pairs = steps.enumerated().filter {
      let factors = $0.element.factors.values
      return factors.count == 2 && factors.allSatisfy(\.isFinite)
    }
    guard !pairs.isEmpty, pairs.count == steps.count else { return nil }
    let (inner, outer) = (name(of: 0), name(of: 1))
    // A partition that is left out is no factor among others: it has a place beside the axis.
    let sides = (0..<2).map { side in Side(pairs.map { $0.element.factors.values[side] }) }
    let axes = Axes(
      x: sides[0].range, y: sides[1].range, height: 300, xName: "factor of \(inner)",
      yName: "factor of \(outer)", xFormat: { Numbers.factor($0) },
      yFormat: { Numbers.factor($0) })
    let ratios = pairs.map(\.element.domainRatio)
    let (least, most) = (ratios.min() ?? 0, ratios.max() ?? 0)
    let best = model.factors.values
    return Picture(
      title: "\(model.name): the way through the factors",
      description:
        "\(pairs.count) candidates, from a Domain-Ratio of \(Numbers.fixed(least, 4)) to "
        + "\(Numbers.fixed(most, 4)). Best: \(outer) \(factor(best, 1)), \(inner) \(factor(best, 0)).",
      caption:
        "Numbers are the order of candidates; a stronger colour is better, the ring is the result. A line joins candidates "
        + "that one method asked for one after the other.",
      height: axes.height, table: table
    ) { svg in
      draw(axes, sides, &svg)
      func place(_ factors: [Double]) -> (Double, Double) {
        (
          factors[0] == 0 ? axes.left + 8 : axes.column(factors[0]),
          factors[1] == 0 ? axes.row(axes.y.lowerBound) - 8 : axes.row(factors[1])
        )
      }
      for (step, next) in zip(pairs, pairs.dropFirst())
      where step.element.method == next.element.method {
        let (from, to) = (place(step.element.factors.values), place(next.element.factors.values))
        svg.line(from.0, from.1, to.0, to.1, style: "path")
      }
      for (index, step) in pairs {
        let (x, y) = place(step.factors.values)
        let share = most > least ? (step.domainRatio - least) / (most - least) : 1
        let factors = step.factors.values.map(Numbers.factor).joined(separator: ", ")
        svg.element(
          "circle",
          [
            "class": step.isEvaluated ? "cell" : "missing", "cx": Numbers.point(x),
            "cy": Numbers.point(y), "r": "5",
            "fill-opacity": Numbers.fixed(0.12 + 0.88 * max(0, min(share, 1)), 3),
          ]
        ) {
          $0.element(
            "title",
            text: "\(index + 1): \(factors), method \(step.method), "
              + "Domain-Ratio \(Numbers.fixed(step.domainRatio, 4))")
        }
        svg.label(
          "\(index + 1)", x: x + 6, y: y - 6, style: "quiet")
      }
      if best.count == 2 {
        let (x, y) = place(best)
        svg.empty(
          "circle", ["class": "best", "cx": Numbers.point(x), "cy": Numbers.point(y), "r": "8.5"])
      }
    }
  }

  /// What lies on an axis of the map.
  private struct Side {
    let range: ClosedRange<Double>
    let hasZero: Bool

    init(_ factors: [Double]) {
      hasZero = factors.contains(0)
      let others = factors.filter { $0 != 0 }
      let (least, most) = (others.min() ?? 0, others.max() ?? 1)
      let span = max(most - least, 0.2)
      range = (least - (hasZero ? 0.3 : 0.08) * span)...(most + 0.1 * span)
    }
  }

  private func draw(_ axes: Axes, _ sides: [Side], _ svg: inout Markup) {
    var axes = axes
    // No number stands where a partition is left out.
    if sides[0].hasZero || sides[1].hasZero {
      let (x, y) = (axes.x, axes.y)
      let edges = sides.map { $0.hasZero ? 0.2 : 0.0 }
      let xStart = x.lowerBound + edges[0] * (x.upperBound - x.lowerBound)
      let yStart = y.lowerBound + edges[1] * (y.upperBound - y.lowerBound)
      axes.xFormat = { $0 < xStart ? "" : Numbers.factor($0) }
      axes.yFormat = { $0 < yStart ? "" : Numbers.factor($0) }
    }
    axes.draw(&svg)
    let bottom = axes.row(axes.y.lowerBound)
    if sides[1].hasZero { svg.label("out", x: axes.left - 5, y: bottom - 5, anchor: "end") }
    if sides[0].hasZero { svg.label("out", x: axes.left + 8, y: bottom + 16, anchor: "middle") }
  }

  /// The Domain-Ratio of each candidate, and the best so far.
  func progress() -> Picture? {
    guard !steps.isEmpty else { return nil }
    let ratios = steps.map(\.domainRatio)
    let (least, most) = (ratios.min() ?? 0, ratios.max() ?? 1)
    let margin = max((most - least) * 0.08, 0.005)
    let axes = Axes(
      x: 1...Double(max(ratios.count, 2)), y: least - margin...most + margin, xName: "candidate",
      yName: "Domain-Ratio", xFormat: { $0 == $0.rounded() ? Numbers.fixed($0, 0) : "" },
      yFormat: { Numbers.fixed($0, most - least < 0.1 ? 3 : 2) })
    return Picture(
      title: "\(model.name): what candidates scored",
      description:
        "Domain-Ratios of \(ratios.count) candidates; the best has \(Numbers.fixed(most, 4)).",
      caption:
        "Each dot is a candidate, in the order in which they were asked for; the line is the best so far.",
      height: axes.height, table: table
    ) { svg in
      axes.draw(&svg)
      var best = ratios[0]
      var points = ""
      for (index, ratio) in ratios.enumerated() {
        let x = Numbers.point(axes.column(Double(index + 1)))
        points += "\(x),\(Numbers.point(axes.row(best))) "
        best = max(best, ratio)
        points += "\(x),\(Numbers.point(axes.row(best))) "
      }
      svg.empty("polyline", ["class": "stair", "points": String(points.dropLast())])
      for (index, step) in steps.enumerated() {
        svg.element(
          "circle",
          [
            "class": step.isEvaluated ? "cell" : "missing",
            "cx": Numbers.point(axes.column(Double(index + 1))),
            "cy": Numbers.point(axes.row(step.domainRatio)), "r": "3.5",
          ]
        ) {
          $0.element(
            "title",
            text:
              "\(index + 1): \(step.factors.values.map(Numbers.factor).joined(separator: ", ")), "
              + "Domain-Ratio \(Numbers.fixed(step.domainRatio, 4))")
        }
      }
    }
  }

  private func name(of partition: Int) -> String {
    partition < model.partitionRates.count
      ? "partition \(Numbers.percent(model.partitionRates[partition], 0))"
      : "partition \(partition + 1)"
  }

  private func factor(_ factors: [Double], _ partition: Int) -> String {
    partition < factors.count ? Numbers.factor(factors[partition]) : "-"
  }

  /// Every candidate.
  var table: Picture.Table {
    let tasks = model.dense.names
    return Picture.Table(
      head: ["candidate", "method", "factors"] + tasks + ["Domain-Ratio", "time"],
      rows: [
        ["dense", "-", "-"] + tasks.map { score(model.dense.tasks[$0]) } + ["1.0000", "-"]
      ]
        + steps.enumerated().map { index, step in
          [
            "\(index + 1)", step.method,
            step.factors.values.map(Numbers.factor).joined(separator: ", "),
          ]
            + tasks.map { score(step.tasks.tasks[$0]) }
            + [Numbers.fixed(step.domainRatio, 4), Numbers.seconds(step.seconds)]
        })
  }

  private func score(_ score: Double?) -> String { score.map { Numbers.fixed($0, 4) } ?? "-" }
}

extension SearchResult.Step {
  /// Whether the evaluator gave scores.
  fileprivate var isEvaluated: Bool { !tasks.tasks.isEmpty }
}
