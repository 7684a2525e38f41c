import SluiceCore
import SluiceReferences
import SluiceTestSupport
import Testing

/// Each method of the table, on a random family, against its scalar reference, bit for bit; in every type
/// on hundreds of families in `SluiceSlowComparisonTests`.
@Suite("Every method equals its scalar reference")
struct MethodComparisonTests {
  /// Each method with one type, each type with a third of the methods.
  private static let cases = zip(
    MethodDraw.all, MethodDraw.all.indices.map { MethodDraw.dtypes[$0 % MethodDraw.dtypes.count] })

  /// Of a family with stacked experts, so that what is drawn for matrices is drawn for theirs, too.
  private static let seed = 207

  @Test("on a random family", arguments: cases)
  func compare(draw: MethodDraw, dtype: DType) throws {
    try #require(FamilySpec.random(seed: UInt64(Self.seed)).expertCount > 1)
    #expect(try draw.differences(seed: Self.seed, dtype: dtype) == [])
  }
}
