/// Which blocks of the stream are oldest, middle and newest at each token, and which piece of the next phase is due: a pure
/// function of the position.
///
/// With blocks of b tokens, the window's first token e = t - n + 1 lies at offset j of block K0 = floor(e / b). A phase is the b steps in which e
/// passes through one block. During it the suffixes of block K0 + 1 are built from its end, one a step, each in the place of the suffix of
/// block K0 that is used for the last time in that step; and the blocks from K0 + 2 on are combined. Blocks before the
/// stream's beginning are empty.
package struct BlockSchedule: Equatable {
    package let window: Int
    /// b, about the square root of the window.
    package let block: Int
    /// Complete blocks that are kept.
    package let blocks: Int

    package struct Plan: Equatable {
        /// Where the block that ended with the previous token is kept, where one did.
        package var completedBlock: Int?
        /// That block is a middle one of the next phase, too (in short windows it is the next oldest).
        package var completedForNext: Bool
        /// The window's first token is the first of its block.
        package var startsPhase: Bool
        /// Where the suffix is that covers the window's part of the oldest block.
        package var suffix: Int
        /// The token that the next oldest block's suffixes take in, or nil before the stream's beginning.
        package var suffixToken: Int64?
        /// It is the last token of its block: its suffix is a beginning.
        package var startsSuffix: Bool
        /// Where the suffix is that the token is added to.
        package var previousSuffix: Int
        /// Complete blocks to combine for the next phase.
        package var middleBlocks: Range<Int64>
    }

    /// - Parameter window: n, at least 2. The scheme needs n >= 2 b.
    package init(window: Int) {
        self.window = window
        var root = 1
        while root * root < window { root += 1 }
        block = max(1, min(root, window / 2))
        blocks = window / block + 2
    }

    /// The place of a complete block.
    package func slot(_ index: Int64) -> Int { Int(index % Int64(blocks)) }

    package func plan(_ position: Int64) -> Plan {
        let b = Int64(block)
        let first = position - Int64(window) + 1
        let oldest = floorDivide(first, b)
        let offset = first - oldest * b
        let newest = position / b
        let newestAtStart = floorDivide(position - offset, b)
        // Blocks oldest + 2 up to newestAtStart - 1 were complete when the phase began: an even share of them a step.
        let count = max(0, newestAtStart - oldest - 2)
        let share = (oldest + 2 + offset * count / b)..<(oldest + 2 + (offset + 1) * count / b)
        let next = (oldest + 1) * b + b - 1 - offset
        let isEven = oldest.isMultiple(of: 2)
        return Plan(
            completedBlock: position > 0 && position % b == 0 ? slot(newest - 1) : nil,
            completedForNext: newest - 1 >= oldest + (offset == 0 ? 1 : 2),
            startsPhase: offset == 0,
            suffix: suffixPlace(block: oldest, offset: Int(offset)),
            suffixToken: next >= 0 ? next : nil,
            startsSuffix: offset == 0,
            previousSuffix: Int(isEven ? offset - 1 : b - offset),
            middleBlocks: max(0, share.lowerBound)..<max(0, share.upperBound))
    }

    /// What the aggregates cover when the token at `position` was taken in, and nothing prepared yet for the next one.
    package struct Coverage: Equatable {
        /// The block that the window's first token lies in; below zero before the stream's beginning.
        package var oldest: Int64
        /// The first token's offset in it, and so how many suffixes of the next block are built.
        package var offset: Int
        /// The block of the token itself.
        package var newest: Int64
        /// Complete blocks that are combined for this phase.
        package var middle: Range<Int64>
        /// Complete blocks that are combined for the next phase: a share of those that were complete when this phase began.
        package var nextMiddle: Range<Int64>
        /// And those that were completed since.
        package var nextMiddleCompleted: Range<Int64>
    }

    package func coverage(_ position: Int64) -> Coverage {
        let b = Int64(block)
        let first = position - Int64(window) + 1
        let oldest = floorDivide(first, b)
        let offset = first - oldest * b
        let newest = position / b
        let newestAtStart = floorDivide(position - offset, b)
        func range(_ lower: Int64, _ upper: Int64) -> Range<Int64> { max(0, lower)..<max(0, lower, upper) }
        let count = max(0, newestAtStart - oldest - 2)
        return Coverage(
            oldest: oldest, offset: Int(offset), newest: newest, middle: range(oldest + 1, newest),
            nextMiddle: range(oldest + 2, oldest + 2 + offset * count / b),
            nextMiddleCompleted: offset == 0 ? 0..<0 : range(max(newestAtStart, oldest + 2), newest))
    }

    /// The place of the suffix that begins with the token at `offset` of a block.
    package func suffixPlace(block index: Int64, offset: Int) -> Int {
        // Even blocks keep their suffixes in order, odd ones reversed, so that a new one fits where an old one was.
        index.isMultiple(of: 2) ? offset : block - 1 - offset
    }

    private func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor)
    }
}
