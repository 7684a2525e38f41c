import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

/// Views that are larger than a tile in every direction, against reading them one by one.
@Suite("Strided views of many tiles")
struct StridedTileTests {
  struct Layout: CustomTestStringConvertible, Sendable {
    let name: String
    let extents: [Int]
    let strides: [Int]
    var testDescription: String { "\(name) \(extents)" }
  }

  static let layouts = [
    // Lines longer than a tile is wide, more neighbours than it has lines, and rests of both.
    Layout(name: "transposed", extents: [4500, 37], strides: [1, 4500]),
    Layout(name: "transposed, wide", extents: [37, 1500], strides: [1, 37]),
    Layout(name: "transposed inside a wider matrix", extents: [300, 150], strides: [1, 311]),
    Layout(name: "every third of a transposed one", extents: [300, 150], strides: [3, 1000]),
    Layout(name: "far apart both ways", extents: [70, 150], strides: [700, 70_000]),
    Layout(name: "axes turned around", extents: [40, 30, 70], strides: [1, 40, 1200]),
    Layout(name: "outer axes swapped", extents: [40, 30, 70], strides: [70, 2800, 1]),
    Layout(name: "transposed and repeated", extents: [5, 130, 140], strides: [0, 1, 130]),
    Layout(name: "repeated inside", extents: [140, 3, 130], strides: [1, 0, 140]),
    Layout(name: "columns left out", extents: [200, 90], strides: [100, 1]),
  ]

  @Test("give the elements in the order of the tensor", arguments: layouts, [1, 2, 4, 8])
  func runs(layout: Layout, width: Int) throws {
    let shape = try #require(TensorShape(layout.extents))
    let view = try #require(StridedView(shape, strides: layout.strides))
    let span = zip(layout.extents, layout.strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 }
    let scratch = try ScratchDirectory()
    let pattern = noise(4099)
    let data = [UInt8](unsafeUninitializedCapacity: 5 + span * width) { buffer, count in
      for index in buffer.indices {
        buffer[index] = pattern[index % 4099] ^ UInt8(index >> 12 & 255)
      }
      count = buffer.count
    }
    let file = try InputFile.open(try scratch.write(data, to: "x"))
    let total = shape.elementCount
    for run in [0..<total, 0..<total / 3 + 1, total / 7..<total - 5, total - 1..<total] {
      var found = [UInt8](repeating: 0, count: run.count * width)
      try found.withUnsafeMutableBytes {
        try file.read(run, of: view, at: 5, width: width, into: $0)
      }
      // Every element of short runs, a share of long ones that meets all rests.
      for element in Swift.stride(
        from: run.lowerBound, to: run.upperBound, by: max(run.count / 20_011, 1))
      {
        var (rest, place) = (element, 0)
        for index in layout.extents.indices.reversed() {
          place += rest % layout.extents[index] * layout.strides[index]
          rest /= layout.extents[index]
        }
        let start = (element - run.lowerBound) * width
        let isEqual = (0..<width).allSatisfy {
          found[start + $0] == data[5 + place * width + $0]
        }
        guard isEqual else {
          Issue.record("element \(element) of \(run)")
          return
        }
      }
    }
  }
}
