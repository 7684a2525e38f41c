internal import SluiceCore
internal import SluiceSearch

/// Pictures of what candidates scored in single tasks, and of what that cost.
extension SearchPictures {
  /// Each candidate's score in each task, beside the dense model's.
  func tasks() -> Picture? {
    let tasks = model.dense.names.filter { (model.dense.tasks[$0] ?? 0) > 0 }.prefix(5)
    let lines = tasks.map { task in
      steps.map { step -> Double? in
        guard let score = step.tasks.tasks[task], let dense = model.dense.tasks[task],
          (score / dense).isFinite
        else { return nil }
        return score / dense
      }
    }
    let known = lines.joined().compactMap(\.self)
    guard let least = known.min(), let most = known.max(), steps.count > 1 else { return nil }
    let margin = max((most - least) * 0.08, 0.005)
    let axes = Axes(
      x: 1...Double(steps.count), y: least - margin...most + margin, height: 240,
      xName: "candidate", yName: "score beside the dense model's",
      xFormat: { $0 == $0.rounded() ? Numbers.fixed($0, 0) : "" },
      yFormat: { Numbers.fixed($0, most - least < 0.1 ? 3 : 2) })
    let names = Array(tasks)
    return Picture(
      title: "\(model.name): scores by task",
      description:
        "Scores of \(steps.count) candidates in \(names.count) tasks, divided by the dense model's.",
      caption: "1 is the fine-tuned model as it is."
        + (model.dense.names.count > names.count
          ? " The first \(names.count) tasks are drawn." : ""),
      height: axes.height + Double(names.count) * 16, table: nil
    ) { svg in
      axes.draw(&svg)
      for (index, line) in lines.enumerated() {
        let points = line.enumerated().compactMap { position, value in
          value.map {
            "\(Numbers.point(axes.column(Double(position + 1)))),\(Numbers.point(axes.row($0)))"
          }
        }
        svg.empty(
          "polyline", ["class": "line\(index)", "points": points.joined(separator: " ")])
        let y = axes.height + Double(index) * 16
        svg.rectangle(x: axes.left, y: y, width: 10, height: 10, style: "part\(index)")
        let name = names[index].printable
        svg.label(name.count > 44 ? name.prefix(41) + "..." : name, x: axes.left + 15, y: y + 9)
      }
    }
  }

  /// What was best after how much evaluation.
  func cost() -> Picture? {
    let seconds = steps.map { $0.seconds.isFinite ? max(0, $0.seconds) : 0 }
    let whole = seconds.reduce(0, +)
    let ratios = steps.map(\.domainRatio).filter(\.isFinite)
    guard whole > 0, whole < 1e12, steps.count > 1, ratios.count == steps.count,
      let least = ratios.min(), let most = ratios.max()
    else { return nil }
    let (unit, name) = whole < 300 ? (1.0, "s") : whole < 18_000 ? (60.0, "min") : (3600.0, "h")
    let margin = max((most - least) * 0.08, 0.005)
    let axes = Axes(
      x: 0...whole / unit, y: least - margin...most + margin, xName: "evaluation so far, \(name)",
      yName: "best Domain-Ratio", xFormat: { Numbers.factor($0) },
      yFormat: { Numbers.fixed($0, most - least < 0.1 ? 3 : 2) })
    return Picture(
      title: "\(model.name): what it cost",
      description:
        "\(Numbers.seconds(whole)) of evaluation; the best Domain-Ratio after each candidate.",
      caption:
        "The best Domain-Ratio so far over the time that evaluators took: \(Numbers.seconds(whole / Double(steps.count))) a candidate on average.",
      height: axes.height, table: nil
    ) { svg in
      axes.draw(&svg)
      var (time, best, points) = (0.0, ratios[0], "")
      for (ratio, own) in zip(ratios, seconds) {
        time += own
        let x = Numbers.point(axes.column(time / unit))
        if !points.isEmpty { points += " \(x),\(Numbers.point(axes.row(best)))" }
        best = max(best, ratio)
        points += "\(points.isEmpty ? "" : " ")\(x),\(Numbers.point(axes.row(best)))"
      }
      svg.empty("polyline", ["class": "stair", "points": points])
    }
  }
}
