import { engineSubject } from '../../testing/engine-subject.ts'
import { synthesiserContract } from '../../testing/synthesiser-contract.ts'
import { espeakEngine } from './espeak-synthesiser.ts'

const SENTENCES = [
  'El tren a la ciudad sale a las siete y media.',
  'Mi hermana compr\u00f3 una bicicleta nueva para su cumplea\u00f1os.',
  'Ayer comimos sopa y pan a la hora del almuerzo.',
  'Este fin de semana va a hacer fr\u00edo y va a llover.',
  'Ha vuelto a olvidar el paraguas en la oficina.',
  'Hay tres libros en la mesa que est\u00e1 junto a la puerta.',
  'Lleva dos a\u00f1os aprendiendo a tocar el piano.',
  'El m\u00e9dico le dijo que bebiera m\u00e1s agua cada d\u00eda.',
  'Nuestros vecinos pintan su casa de un amarillo vivo.',
  'Los ni\u00f1os jugaban al f\u00fatbol en el parque.',
]

synthesiserContract('espeak-ng', {
  create: async (clock, slots) => engineSubject(espeakEngine({ lanes: 4 }), { clock, slots }),
  voices: ['espeak-es', 'espeak-en-us'],
  unknownLanguage: 'zu',
  sentences: SENTENCES,
})
