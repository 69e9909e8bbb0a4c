// The precision is a property of the kernels' matrices, and part of this library's interface.
@_exported public import enum Kernels.WeightPrecision
