import SluiceSearch
import Testing

@Suite("Factors")
struct GridTests {
  @Test("factors are decimals, however they were reached")
  func decimals() {
    let grid = Landscape.grid()
    #expect(
      (0..<grid.count).map { grid.factor($0) } == [
        1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2,
      ])
    #expect(Factors([0.1 + 0.2]) == Factors([0.3]))
    #expect(Factors([1.3, 0, 1]).description == "1.3,0,1")
    #expect(Landscape.grid(step: 0.3, bound: 0).count == 4)
    #expect(Landscape.grid(step: 0.3, bound: 0).factor(3) == 0.1)
  }

  @Test(
    "a grid has a second factor",
    arguments: [(0.1, 1.0), (0.1, 1.05), (0, 2), (-0.1, 2), (.nan, 2), (0.1, .nan), (0.1, -1)])
  func refused(step: Double, bound: Double) {
    #expect(FactorGrid(step: step, bound: bound) == nil)
  }
}
