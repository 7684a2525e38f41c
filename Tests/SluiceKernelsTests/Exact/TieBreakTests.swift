import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Tie rules")
struct TieBreakTests {
  @Test("of 8 tied elements the 3 kept are the first, the fifth and the third") func golden() {
    let limit = TieBreak.spread.keyLimit(keeping: 3, of: 8)
    let kept = (0..<UInt32(8)).filter { UInt64(Reference.bitrev32($0)) < limit }
    #expect(kept == [0, 2, 4])
  }

  @Test("spread keeps exactly the asked number with the smallest keys", arguments: 1...70)
  func spread(tied: Int) {
    let keys = (0..<tied).map { UInt64(Reference.bitrev32(UInt32($0))) }
    for kept in 0...tied {
      let limit = TieBreak.spread.keyLimit(keeping: kept, of: tied)
      let chosen = keys.filter { $0 < limit }
      #expect(chosen.sorted() == Array(keys.sorted().prefix(kept)))
    }
  }

  @Test("spread finds the limit among as many ties as a large tensor has") func large() {
    let tied = 662_579
    let kept = 71_691
    let limit = TieBreak.spread.keyLimit(keeping: kept, of: tied)
    func count(_ positions: Range<UInt32>) -> Int {
      positions.reduce(0) { $0 + (UInt64(Reference.bitrev32($1)) < limit ? 1 : 0) }
    }
    #expect(count(0..<UInt32(tied)) == kept)
    // The kept ones are spread evenly: each tenth of the tensor has a tenth of them.
    #expect(abs(count(0..<UInt32(tied / 10)) - kept / 10) <= 20)
  }

  @Test("the other rules have no key or the position itself") func others() {
    #expect(TieBreak.index.keyLimit(keeping: 5, of: 9) == 5)
    #expect(TieBreak.drop.keyLimit(keeping: 0, of: 9) == 0)
    #expect(TieBreak.keep.keyLimit(keeping: 9, of: 9) == 0)
  }
}
