/// The frame of a drawing with two axes.
struct Axes {
  let x: ClosedRange<Double>
  let y: ClosedRange<Double>
  let left = 46.0
  let top = 24.0
  let height: Double
  let xName: String
  let yName: String
  var xFormat: (Double) -> String
  var yFormat: (Double) -> String

  private let right = 10.0
  private let bottom = 38.0

  init(
    x: ClosedRange<Double>, y: ClosedRange<Double>, height: Double = 240, xName: String,
    yName: String, xFormat: @escaping (Double) -> String, yFormat: @escaping (Double) -> String
  ) {
    self.x = Axes.widened(x)
    self.y = Axes.widened(y)
    self.height = height
    self.xName = xName
    self.yName = yName
    self.xFormat = xFormat
    self.yFormat = yFormat
  }

  private static func widened(_ range: ClosedRange<Double>) -> ClosedRange<Double> {
    guard range.upperBound > range.lowerBound else {
      return range.lowerBound - 0.5...range.upperBound + 0.5
    }
    return range
  }

  /// Where a number is from left to right.
  func column(_ value: Double) -> Double {
    left + (value - x.lowerBound) / (x.upperBound - x.lowerBound) * (Picture.width - left - right)
  }

  /// Where a number is from top to bottom.
  func row(_ value: Double) -> Double {
    height - bottom
      - (value - y.lowerBound) / (y.upperBound - y.lowerBound) * (height - top - bottom)
  }

  /// Draws lines, numbers and names.
  func draw(_ svg: inout Markup) {
    for tick in Numbers.ticks(y, 5) {
      svg.line(left, row(tick), Picture.width - right, row(tick), style: "grid")
      svg.label(yFormat(tick), x: left - 5, y: row(tick) + 3.5, anchor: "end")
    }
    for tick in Numbers.ticks(x, 6) {
      svg.line(column(tick), height - bottom, column(tick), height - bottom + 4)
      svg.label(xFormat(tick), x: column(tick), y: height - bottom + 16, anchor: "middle")
    }
    svg.line(left, height - bottom, Picture.width - right, height - bottom)
    svg.label(
      xName, x: (left + Picture.width - right) / 2, y: height - 5, anchor: "middle", style: "name")
    svg.label(yName, x: 2, y: 11, style: "name")
  }
}
