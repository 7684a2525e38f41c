import SluiceCore
import SluiceTestSupport
import Testing

/// Each method of the table, on a random family, against its scalar reference, bit for bit; on hundreds
/// of families in `SluiceSlowComparisonTests`.
@Suite("Every method equals its scalar reference")
struct MethodComparisonTests {
  @Test("on a random family", arguments: MethodDraw.all, MethodDraw.dtypes)
  func compare(draw: MethodDraw, dtype: DType) throws {
    #expect(try draw.differences(seed: 200, dtype: dtype) == [])
  }
}
