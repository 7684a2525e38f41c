import SluiceFormats
import Testing

@Suite struct NaturalOrderTests {
  @Test("names are in the order in which people count")
  func order() {
    let ordered = [
      "", "0", "00", "01", "1", "1a", "2", "10", "10.a", "99999999999999999999999",
      "100000000000000000000000", "a", "a.9.b", "a.10.a", "a.10.b", "a.10b", "a0", "a01", "a1",
      "ab", "b", "layers.2.w", "layers.10.w", "é",
    ]
    #expect(ordered.reversed().sorted(by: NaturalOrder.isOrderedBefore) == ordered)
    for (index, name) in ordered.enumerated() {
      for (otherIndex, other) in ordered.enumerated() {
        #expect(NaturalOrder.isOrderedBefore(name, other) == (index < otherIndex))
      }
    }
  }

  @Test("many names are put in the same orders as one by one")
  func lists() {
    let names = [
      "layers.10.w", "layers.2.w", "b", "", "é", "layers.2.w.10", "a01", "a1", "layers.2", "b",
    ]
    var list = NameList(room: 4)
    for name in names { list.append(name) }
    #expect(
      list.naturalOrder.map { names[$0] } == names.sorted { NaturalOrder.isOrderedBefore($0, $1) })
    let positions = [7, 1, 0, 5, 8, 4]
    #expect(
      list.byteOrder(of: positions).map { names[$0] }
        == positions.map { names[$0] }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    #expect(NameList(room: 0).naturalOrder.isEmpty)
  }

  @Test("the order is transitive over random names")
  func transitive() {
    var state: UInt64 = 7
    func next(_ bound: UInt64) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % bound)
    }
    let alphabet = Array("0019a./:").map { String($0) }
    let names = (0..<60).map { _ in (0..<next(6)).map { _ in alphabet[next(8)] }.joined() }
    for a in names {
      for b in names where NaturalOrder.isOrderedBefore(a, b) {
        #expect(!NaturalOrder.isOrderedBefore(b, a))
        for c in names where NaturalOrder.isOrderedBefore(b, c) {
          if !NaturalOrder.isOrderedBefore(a, c) { Issue.record("\(a) \(b) \(c)") }
        }
      }
    }
  }
}
