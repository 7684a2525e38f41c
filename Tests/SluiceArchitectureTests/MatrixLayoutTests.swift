import SluiceArchitecture
import SluiceCore
import Testing

@Suite("How layers lie in their tensors")
struct MatrixLayoutTests {
  /// Where the element of a layer lies, written from the layouts' descriptions.
  private static func position(
    _ layout: MatrixLayout, layer: Int, output: Int, input: Int, outputs: Int, inputs: Int
  ) -> Int {
    switch layout {
    case .transposed: layer * outputs * inputs + input * outputs + output
    case .halves:
      layer / 2 * 2 * outputs * inputs + input * 2 * outputs + layer % 2 * outputs + output
    case .interleaved:
      layer / 2 * 2 * outputs * inputs + input * 2 * outputs + 2 * output + layer % 2
    }
  }

  @Test(
    "every element of a tensor belongs to one layer, at its place", arguments: MatrixLayout.allCases
  )
  func places(layout: MatrixLayout) throws {
    let (outputs, inputs, matrices) = (3, 5, 4)
    let count = matrices * layout.layersPerMatrix
    let whole = count * outputs * inputs
    var seen: Set<Int> = []
    for layer in 0..<count {
      let place = try #require(
        layout.place(
          of: layer, count: count, elementCount: whole,
          rowLength: outputs * layout.layersPerMatrix))
      #expect(place.rowCount == outputs && place.columnCount == inputs)
      let view = try #require(place.view)
      for element in 0..<outputs * inputs {
        let found = place.first + view.offset(of: element)
        let expected = Self.position(
          layout, layer: layer, output: element / inputs, input: element % inputs,
          outputs: outputs, inputs: inputs)
        #expect(found == expected)
        seen.insert(found)
      }
    }
    #expect(seen == Set(0..<whole))
  }

  @Test("a layer of one input, or of one output, is one run where its elements lie together")
  func runs() throws {
    let bias = try #require(
      MatrixLayout.halves.place(of: 3, count: 4, elementCount: 12, rowLength: 6))
    #expect(bias.first == 9 && bias.view == nil)
    let column = try #require(
      MatrixLayout.transposed.place(of: 0, count: 1, elementCount: 7, rowLength: 1))
    #expect(column.view == nil)
  }

  @Test(
    "a tensor that does not come apart so has no places",
    arguments: [
      (0, 3, 60, 10), (0, 2, 61, 10), (0, 2, 60, 7), (0, 0, 60, 10), (2, 2, 60, 10),
      (-1, 2, 60, 10), (0, 2, 0, 10), (0, 2, 60, 0), (0, 262_144, 60, 10),
    ])
  func refusals(index: Int, count: Int, elements: Int, rowLength: Int) {
    #expect(
      MatrixLayout.interleaved.place(
        of: index, count: count, elementCount: elements, rowLength: rowLength) == nil)
  }
}
