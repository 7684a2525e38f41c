import SluiceStages
import Testing

/// A run of elements of a matrix is divided into rectangles.
@Suite("Rectangles of rows") struct RowRectangleTests {
  @Test("hold each element of a run once, at its place") func all() {
    for columns in [1, 2, 5, 7] {
      for first in 0..<2 * columns {
        for end in first + 1..<first + 4 * columns + 2 {
          var seen = [Int](repeating: 0, count: end - first)
          var count = 0
          RowRectangles.forEach(in: first..<end, columnCount: columns) { rows, own, offset in
            count += 1
            for row in rows {
              for column in own {
                let place = offset + (row - rows.lowerBound) * columns + column - own.lowerBound
                #expect(place == row * columns + column - first)
                seen[place] += 1
              }
            }
          }
          #expect(seen.allSatisfy { $0 == 1 } && count <= 3, "\(columns) \(first) \(end)")
        }
      }
    }
  }
}
